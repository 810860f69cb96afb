"""Fine-tuning an encoder on a corpus: a block of seeds, one after the other (sections 5.2 and 5.3)."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn import functional

from bertfit import batches, encoders, files, models, optim, records, tokens, training
from bertfit.batches import Array, Batch
from bertfit.errors import UserError
from bertfit.spec import Finetune

log = logging.getLogger(__name__)

HISTORY = ("seed", "step", "epoch", "lr", "loss", "train_error", "test_error", "validation_error")
EVALUATED_TOKENS = {"cpu": 4096, "cuda": 65536}  # in a batch; a CPU likes its cache


def run(
    *,
    recipe: Finetune,
    seeds: list[int],
    train: Path,
    test: Path,
    encoder: Path,
    state: Path,
    predictions: Path,
    history: Path,
    record: Path,
    job: dict[str, Any],
    threads: int,
) -> None:
    """Train each seed as if it were alone; write predictions, history and run.json as ARCHITECTURE.md says.

    ``train`` and ``test`` are token files, ``encoder`` is a folder, ``state`` one of ours, removed at the end. What was
    done before a kill is not done again: finished seeds stay, the current one goes on to the same bits.
    Raises `UserError` for inputs that do not fit together and for a loss that is not finite.
    """
    where = training.prepare(threads)
    corpora = {"train": tokens.read(train), "test": tokens.read(test)}
    loaded = encoders.load_encoder(encoder)
    _check(recipe, loaded.config, corpora, train, test)
    inputs = {"train": train, "test": test, "encoder": encoder / "model.safetensors"}
    key = _key(recipe, inputs)
    evaluated = Evaluated(corpora["test"], recipe, where)
    done = []
    for seed in seeds:
        finished = state / f"seed{seed}.done.safetensors"
        found = training.load(finished, key)
        if found is None:
            task = Finetuning(recipe, seed, corpora["train"], evaluated, loaded, where)
            spent = training.run(task, state / f"seed{seed}.safetensors", key)
            training.save(finished, key, task.tensors, {"memory": task.memory, "cost": spent})
            files.remove(state / f"seed{seed}.safetensors")
            found = training.load(finished, key)
            assert found is not None
        done.append((seed, *found))
    rows = [row for _, _, meta in done for row in meta["memory"]["history"]]
    costs = {str(seed): meta["cost"] for seed, _, meta in done}
    total = {name: sum(cost[name] for cost in costs.values()) for name in ("tokens", "seconds")}
    cost: dict[str, Any] = {
        **total,
        "tokens_per_second": total["tokens"] / total["seconds"],
        "threads": threads,
        "seeds": costs,
    }
    with files.atomic(history) as temporary:
        pd.DataFrame(rows, columns=HISTORY).to_csv(temporary, index=False)
    with files.atomic(predictions) as temporary:
        pq.write_table(_predictions(done, corpora["test"].labels), temporary)
    files.write_text(record, records.text(records.record(job, inputs=inputs, device=where, cost=cost)))
    files.remove(state)


class Evaluated:
    """Documents in packed batches of near length, kept for all evaluations of a process."""

    def __init__(self, corpus: tokens.Tokens, recipe: Finetune, where: torch.device, rows: Array | None = None) -> None:
        self.rows = np.arange(len(corpus)) if rows is None else rows
        self.labels = np.asarray(corpus.labels)[self.rows]
        self.where = where
        pieces = recipe.fractions if recipe.truncation.startswith("hier-") else 1
        lengths = np.diff(corpus.offsets) + (0 if corpus.pair_offsets is None else np.diff(corpus.pair_offsets))
        near = batches.by_length(
            np.minimum(lengths[self.rows], pieces * recipe.max_length), EVALUATED_TOKENS[where.type]
        )
        self._batches = [(places, batches.collate(corpus, self.rows[places], recipe)) for places in near]

    def logits(self, model: models.Classifier, check: Callable[[], None]) -> Tensor:
        """(rows, labels) float32 on the CPU, in the order of ``rows``. Calls ``check`` before each batch."""
        found = torch.empty(len(self.rows), model.output.out_features)
        model.eval()
        with torch.inference_mode(), training.precision(self.where):
            for places, batch in self._batches:
                check()
                found[torch.from_numpy(places)] = model(batch).float().cpu()
        model.train()
        return found

    def error(self, logits: Tensor) -> float:
        """Percent of rows whose largest logit is not their label's."""
        return 100 * float((logits.argmax(1).numpy() != self.labels).mean())


class Finetuning:
    """One seed, as the loop wants it.

    ``memory``: the rows of the history, step and epoch of the last and the best evaluation. ``tensors``: their logits;
    sums of loss, wrong answers and examples since the last row.
    """

    def __init__(
        self,
        recipe: Finetune,
        seed: int,
        train: tokens.Tokens,
        test: Evaluated,
        encoder: Any,
        where: torch.device,
    ) -> None:
        self.name = f"seed {seed}"
        self.recipe, self.seed, self.train, self.test, self.where = recipe, seed, train, test, where
        self.plan, held_out = batches.plan(np.asarray(train.labels), recipe, seed)
        self.validation = Evaluated(train, recipe, where, held_out) if len(held_out) else None
        self.steps = self.plan.steps
        self.model = models.Classifier(encoder, len(train.label_names), recipe, seed).to(where)
        self.noise = self.model.noise
        groups = optim.param_groups(
            self.model,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            layer_decay=recipe.layer_decay,
            embeddings=recipe.embeddings,
        )
        log.info("%s: %d examples, %d steps\n%s", self.name, len(self.plan.rows), self.steps, optim.describe(groups))
        schedule = optim.Schedule(self.plan.schedule, recipe.warmup, recipe.exact_tail)
        self.optimizer = optim.BertAdam(groups, schedule, clip="tensor", max_norm=recipe.clip)
        self.memory: dict[str, Any] = {"history": [], "best": None}
        self.tensors: dict[str, Tensor] = {"sums": self._zeros()}

    def batch(self, step: int) -> Batch:
        """The training batch of ``step``."""
        return batches.collate(self.train, self.plan.examples(step), self.recipe)

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the batch; its sums go into ``tensors``."""
        labels = torch.from_numpy(batch.labels).to(self.where)
        with training.precision(self.where):
            logits = self.model(batch).float()
        loss = functional.cross_entropy(logits, labels)
        with torch.no_grad():
            wrong = (logits.argmax(1) != labels).sum()
            size = torch.tensor(float(len(labels)), device=self.where)
            self.tensors["sums"] += torch.stack([loss.detach() * size, wrong, size])
        return loss

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Evaluate after each epoch or ``evaluate_every`` steps, and after the last step."""
        every = self.recipe.evaluate_every or self.plan.steps_per_epoch
        if step == 0 or (step % every and step != self.steps):
            return
        logits = self.test.logits(self.model, check)
        validated = None if self.validation is None else self.validation.logits(self.model, check)
        test_error = self.test.error(logits)
        validation_error = None if validated is None else self.validation.error(validated)  # type: ignore[union-attr]
        loss, wrong, size = self.tensors["sums"].tolist()
        row = {
            "seed": self.seed,
            "step": step,
            "epoch": step / self.plan.steps_per_epoch,
            "lr": self.optimizer.lr(step - 1),
            "loss": loss / size,
            "train_error": 100 * wrong / size,
            "test_error": test_error,
            "validation_error": validation_error,
        }
        log.info("%s", ", ".join(f"{name} {value:.6g}" for name, value in row.items() if value is not None))
        self.memory["history"].append(row)
        chosen = test_error if validation_error is None else validation_error
        if self.memory["best"] is None or chosen < self.memory["best"]["error"]:
            self.memory["best"] = {"error": chosen, "step": step, "epoch": row["epoch"]}
            self.tensors["best"] = logits.clone()  # a state file shares no memory
        self.memory["last"] = {"step": step, "epoch": row["epoch"]}
        self.tensors |= {"last": logits, "sums": self._zeros()}

    def _zeros(self) -> Tensor:
        return torch.zeros(3, dtype=torch.float64, device=self.where)


def _predictions(done: list[tuple[int, dict[str, Tensor], dict[str, Any]]], labels: Array) -> pa.Table:
    """The rows of ``predictions.parquet``: per seed the best evaluation and, where it is another, the last."""
    tables = []
    for seed, tensors, meta in done:
        kept = {meta["memory"][which]["step"]: which for which in ("last", "best")}
        for step, which in sorted(kept.items()):
            logits = tensors[which].numpy()
            size, classes = logits.shape
            offsets = np.arange(0, size * classes + 1, classes, dtype=np.int32)
            epoch = meta["memory"][which]["epoch"]
            columns = {
                "seed": pa.array(np.full(size, seed, np.int32)),
                "step": pa.array(np.full(size, step, np.int32)),
                "epoch": pa.array(np.full(size, epoch, np.float64)),
                "example": pa.array(np.arange(size, dtype=np.int32)),
                "label": pa.array(np.asarray(labels, dtype=np.int32)),
                "logits": pa.ListArray.from_arrays(pa.array(offsets), pa.array(logits.reshape(-1), pa.float32())),
            }
            tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def _check(recipe: Finetune, config: Any, corpora: dict[str, tokens.Tokens], train: Path, test: Path) -> None:
    """Refuse inputs that do not fit together."""
    if recipe.max_length > config.max_position_embeddings:
        raise UserError(
            f"recipe: max_length={recipe.max_length}, but the encoder has {config.max_position_embeddings} positions; "
            "lower max_length"
        )
    for name, path in (("train", train), ("test", test)):
        if not len(corpora[name]):
            raise UserError(f"{path}: no examples")
        if corpora[name].vocabulary_size > config.vocab_size:
            raise UserError(
                f"{path}: made with {corpora[name].vocabulary_size} word pieces, the encoder has {config.vocab_size}; "
                "give corpus and encoder the same vocabulary"
            )
    if list(corpora["train"].label_names) != list(corpora["test"].label_names):
        raise UserError(f"{train} and {test}: their label_names differ; build both from one corpus")


def _key(recipe: Finetune, inputs: dict[str, Path]) -> str:
    """What a saved state belongs to: the recipe and the content of the inputs."""
    content = [recipe.model_dump(), *(files.sha256(path) for path in inputs.values())]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
