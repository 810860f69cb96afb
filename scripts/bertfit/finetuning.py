"""Fine-tuning an encoder on a corpus: a block of seeds, one after the other (sections 5.2 and 5.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bertfit import batches, encoders, export, models, optim, tokens, training
from bertfit import seeds as block
from bertfit.batches import Array, Batch
from bertfit.errors import UserError
from bertfit.spec import Finetune

log = logging.getLogger(__name__)

HISTORY = block.HISTORY
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
    model_folder: Path | None = None,
) -> None:
    """Train each seed as if it were alone; write predictions, history and run.json as ARCHITECTURE.md says.

    ``train`` and ``test`` are token files, ``encoder`` is a folder, ``state`` one of ours, removed at the end. What was
    done before a kill is not done again: finished seeds stay, the current one goes on to the same bits. Into
    ``model_folder``, given for ``keep: weights``, go folders ``seed<k>`` that transformers loads (see `export`).
    Raises `UserError` for inputs that do not fit together and for a loss that is not finite.
    """
    where = training.prepare(threads)
    corpora = {"train": tokens.read(train), "test": tokens.read(test)}
    loaded = encoders.load_encoder(encoder, pooler=recipe.pooler)
    check(recipe, loaded.config, corpora, train, test)
    if model_folder is not None:
        export.check(recipe, loaded.config.num_hidden_layers)
    for seed in seeds:
        batches.plan(np.asarray(corpora["train"].labels), recipe, seed)  # refused before the first one trains
    inputs = {"train": train, "test": test, "encoder": encoder / "model.safetensors"}
    evaluated = Evaluated(corpora["test"], recipe, where)

    def keep(task: Finetuning, folder: Path) -> None:
        export.write(task.model, corpora["train"].label_names, tokenizer=encoder, out=folder)

    block.run(
        lambda seed: Finetuning(recipe, seed, corpora["train"], evaluated, loaded, where),
        seeds=seeds,
        key=block.key(recipe, inputs),
        labels=corpora["test"].labels,
        inputs=inputs,
        where=where,
        threads=threads,
        state=state,
        predictions=predictions,
        history=history,
        record=record,
        job=job,
        keep=None if model_folder is None else keep,
        model_folder=model_folder,
    )


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
        return block.error(logits, self.labels)


class Finetuning(block.Progress):
    """One seed, as the loop wants it."""

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
        self.recipe, self.train, self.test, self.where = recipe, train, test, where
        self.plan, held_out = batches.plan(np.asarray(train.labels), recipe, seed)
        self.validation = Evaluated(train, recipe, where, held_out) if len(held_out) else None
        super().__init__(
            seed,
            steps=self.plan.steps,
            steps_per_epoch=self.plan.steps_per_epoch,
            every=recipe.evaluate_every,
            where=where,
        )
        self.model = models.Classifier(encoder, len(train.label_names), recipe, seed).to(where)
        self.noise = self.model.noise
        groups = optim.param_groups(
            self.model,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            layer_decay=recipe.layer_decay,
            embeddings=recipe.embeddings,
            depth=encoder.config.num_hidden_layers,
        )
        log.info("%s: %d examples, %d steps\n%s", self.name, len(self.plan.rows), self.steps, optim.describe(groups))
        self.optimizer = optim.BertAdam(
            groups,
            optim.Schedule(self.plan.schedule, recipe.warmup, recipe.exact_tail, recipe.schedule),
            clip=recipe.clip_by,
            max_norm=recipe.clip,
            bias_correction=recipe.bias_correction,
        )

    def batch(self, step: int) -> Batch:
        """The training batch of ``step``."""
        return batches.collate(self.train, self.plan.examples(step), self.recipe)

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the batch; its sums go into ``tensors``."""
        labels = torch.from_numpy(batch.labels).to(self.where)
        with training.precision(self.where):
            logits = self.model(batch).float()
        loss = functional.cross_entropy(logits, labels)
        self.learned(loss, logits, labels)
        return loss

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Evaluate after each epoch or ``evaluate_every`` steps, and after the last step."""
        if not self.due(step):
            return
        logits = self.test.logits(self.model, check)
        validation_error = None
        if self.validation is not None:
            validation_error = self.validation.error(self.validation.logits(self.model, check))
        self.evaluated(
            step,
            lr=self.optimizer.lr(step - 1),
            logits=logits,
            test_error=self.test.error(logits),
            validation_error=validation_error,
        )


def check(recipe: Finetune, config: Any, corpora: dict[str, tokens.Tokens], train: Path, test: Path) -> None:
    """Refuse inputs that do not fit together."""
    models.check(recipe, config.num_hidden_layers)
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
