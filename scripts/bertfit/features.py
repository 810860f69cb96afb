"""BERT-Feat (section 5.4.3): a frozen encoder's states as the input of a biLSTM with self-attention.

The states of all tokens are computed once a job, written unpadded to a memory-mapped file, and reused over epochs and
seeds while they fit ``cache_mb``; beyond it each batch computes its own (Yahoo's would take hundreds of gigabytes). The
encoder is no part of the trained model: it stays in eval mode, without dropout, and no state file holds it.
Shapes: N packed tokens, B documents, R evaluated rows, W width of the states (layers times hidden size for concat).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bertfit import batches, encoders, files, finetuning, lstm, optim, tokens, training
from bertfit import seeds as block
from bertfit.batches import Array, Batch
from bertfit.errors import UserError
from bertfit.frozen import BATCH_TOKENS, Cache, Frozen, cache_key, cached, lengths
from bertfit.spec import Finetune

log = logging.getLogger(__name__)

MEGABYTE = 10**6
States = Callable[[Batch], Tensor]
"""Batch -> (N, W), without gradient, on the device."""


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
    cache_mb: int,
) -> None:
    """Train each seed as if it were alone; arguments and outputs as of `finetuning.run`.

    ``cache_mb`` (10**6 bytes): up to this size the states are kept below ``state`` until the job ends. run.json says
    under ``features`` whether they were. Raises `UserError` for inputs that do not fit together, recipes that do not go
    with a biLSTM, a full disk, and a loss that is not finite.
    """
    where = training.prepare(threads)
    corpora = {"train": tokens.read(train), "test": tokens.read(test)}
    loaded = encoders.load_encoder(encoder)
    finetuning.check(recipe, loaded.config, corpora, train, test)
    _refuse(recipe)
    for seed in seeds:
        batches.plan(np.asarray(corpora["train"].labels), recipe, seed)  # refused before any states are computed
    inputs = {"train": train, "test": test, "encoder": encoder / "model.safetensors"}
    frozen = Frozen(loaded, recipe, where)
    size = sum(int(lengths(corpus, recipe).sum()) for corpus in corpora.values()) * frozen.width * frozen.kind.itemsize
    kept = size <= cache_mb * MEGABYTE
    log.info(
        "states of the frozen encoder: %.0f MB, %s %d MB: %s",
        size / MEGABYTE, "within" if kept else "more than", cache_mb, "kept" if kept else "computed for each batch",
    )  # fmt: skip
    cost: dict[str, Any] = {}

    @cache
    def splits() -> dict[str, Split]:  # not before the first seed that is not finished
        if not kept:
            return {name: Split(corpus, frozen, recipe) for name, corpus in corpora.items()}
        folder = cached(frozen, corpora, recipe, state, cache_key(frozen, recipe, inputs))
        cost["encoding"] = files.read_json(folder / "cost.json")
        return {name: Split(corpus, Cache(folder / name, frozen, corpus, recipe), recipe)
                for name, corpus in corpora.items()}  # fmt: skip

    block.run(
        lambda seed: Feature(recipe, seed, splits()["train"], splits()["test"], frozen.width, where),
        seeds=seeds,
        key=f"{block.key(recipe, inputs)} {'kept' if kept else 'computed'}",
        labels=corpora["test"].labels,
        inputs=inputs,
        where=where,
        threads=threads,
        state=state,
        predictions=predictions,
        history=history,
        record=record,
        job=job,
        cost=cost,
        entries={"features": {"kept": kept, "bytes": size, "width": frozen.width, "layers": frozen.layers}},
    )


@dataclass(frozen=True)
class Split:
    """A corpus and where its states come from."""

    corpus: tokens.Tokens
    states: States
    recipe: Finetune

    def batch(self, examples: Array) -> Batch:
        """Truncated and packed."""
        return batches.collate(self.corpus, examples, self.recipe)

    def logits(self, model: lstm.BiLSTM, rows: Array, check: Callable[[], None]) -> Tensor:
        """(R, labels) float32 on the CPU, in the order of ``rows``. Calls ``check`` before each batch."""
        found = torch.empty(len(rows), model.output.out_features)
        budget = BATCH_TOKENS[next(model.parameters()).device.type]
        model.eval()
        with torch.inference_mode():
            for places in batches.by_length(lengths(self.corpus, self.recipe)[rows], budget):
                check()
                batch = self.batch(rows[places])
                found[torch.from_numpy(places)] = model(self.states(batch), batch).cpu()
        model.train()
        return found


class Feature(block.Progress):
    """One seed, as the loop wants it."""

    def __init__(self, recipe: Finetune, seed: int, train: Split, test: Split, width: int, where: torch.device) -> None:
        self.name = f"seed {seed}"
        self.train, self.test, self.where = train, test, where
        self.plan, self.held_out = batches.plan(np.asarray(train.corpus.labels), recipe, seed)
        super().__init__(
            seed,
            steps=self.plan.steps,
            steps_per_epoch=self.plan.steps_per_epoch,
            every=recipe.evaluate_every,
            where=where,
        )
        self.model = lstm.BiLSTM(width, len(train.corpus.label_names), recipe, seed).to(where)
        self.noise = self.model.noise
        groups = lstm.param_groups(self.model, lr=recipe.lr, weight_decay=recipe.weight_decay)
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
        return self.train.batch(self.plan.examples(step))

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the batch; its sums go into ``tensors``."""
        labels = torch.from_numpy(batch.labels).to(self.where)
        logits = self.model(self.train.states(batch), batch)
        loss = functional.cross_entropy(logits, labels)
        self.learned(loss, logits, labels)
        return loss

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Evaluate after each epoch or ``evaluate_every`` steps, and after the last step."""
        if not self.due(step):
            return
        logits = self.test.logits(self.model, np.arange(len(self.test.corpus)), check)
        validation_error = None
        if len(self.held_out):
            validated = self.train.logits(self.model, self.held_out, check)
            validation_error = block.error(validated, self.train.corpus.labels[self.held_out])
        self.evaluated(
            step,
            lr=self.optimizer.lr(step - 1),
            logits=logits,
            test_error=block.error(logits, self.test.corpus.labels),
            validation_error=validation_error,
        )


def _refuse(recipe: Finetune) -> None:
    """Refuse what a biLSTM on token states has no use for."""
    if recipe.truncation.startswith("hier-"):
        raise UserError(f"recipe: truncation={recipe.truncation} pools [CLS] and goes with classifier=linear only")
    if recipe.pooler:
        raise UserError("recipe: pooler=true reads [CLS] and goes with classifier=linear only; leave it out")
    if recipe.keep != "nothing":
        raise UserError(f"recipe: keep={recipe.keep}, but transformers cannot load a biLSTM; leave it out")
