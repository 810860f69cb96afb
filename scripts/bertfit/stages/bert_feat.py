"""BERT-Feat (section 5.4.3): a frozen encoder's states as the input of a biLSTM with self-attention.

The states of all tokens are computed once a job, written unpadded to a memory-mapped file, and reused over epochs and
seeds while they fit ``cache_mb``; beyond it each batch computes its own (Yahoo's would take hundreds of gigabytes). The
encoder is no part of the trained model: it stays in eval mode, without dropout, and no state file holds it.
Shapes: N packed tokens, W width of the states (layers times hidden size for concat).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor

from bertfit.batching import packing
from bertfit.batching.packing import Batch
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.model import bilstm
from bertfit.runtime.resume_state import key
from bertfit.stages import classification, seed_block
from bertfit.stages.evaluate import Answer, Evaluated
from bertfit.stages.feature_cache import Cache, Frozen, cache_key, cached
from bertfit.tokens.token_file import Tokens
from bertfit.training import device

log = logging.getLogger(__name__)

MEGABYTE = 10**6
States = Callable[[Batch], Tensor]
"""Batch -> (N, W), without gradient, on the device."""


def run(
    *, recipe: Finetune, train: Path, test: Path, encoder: Path, cache_mb: int, **given: Unpack[seed_block.Block]
) -> None:
    """Train each seed as if it were alone; arguments and outputs as of `finetuning.run`.

    ``cache_mb`` (10**6 bytes): up to this size the states are kept below ``state`` until the job ends. run.json says
    under ``features`` whether they were. Raises `UserError` for inputs that do not fit together, a full disk, and a
    loss that is not finite.
    """
    where = device.prepare(given["threads"])
    read = classification.inputs(recipe, given["seeds"], train=train, test=test, encoder=encoder)
    corpora = {"train": read.train, "test": read.test}
    frozen = Frozen(read.encoder, recipe, where)
    count = sum(int(packing.lengths(corpus, recipe).sum()) for corpus in corpora.values())
    size = count * frozen.width * frozen.kind.itemsize
    kept = size <= cache_mb * MEGABYTE
    log.info(
        "states of the frozen encoder: %.0f MB, %s %d MB: %s",
        size / MEGABYTE, "within" if kept else "more than", cache_mb, "kept" if kept else "computed for each batch",
    )  # fmt: skip
    cost: dict[str, Any] = {}

    @cache
    def sources() -> tuple[States, Evaluated]:  # not before the first seed that is not finished
        states: dict[str, States] = dict.fromkeys(corpora, frozen)
        if kept:
            folder = cached(frozen, corpora, recipe, given["state"], cache_key(frozen, recipe, read.files))
            cost["encoding"] = files.read_json(folder / "cost.json")
            states = {name: Cache(folder / name, frozen, corpus, recipe) for name, corpus in corpora.items()}
        return states["train"], Evaluated(read.test, recipe, where, answer=answers(states["test"]))

    def task(seed: int) -> Feature:
        states, evaluated = sources()
        return Feature(recipe, seed, read.train, states, evaluated, frozen.width, where)

    seed_block.run(
        task,
        key=key(recipe.model_dump(), "kept" if kept else "computed", inputs=read.files),
        labels=read.test.labels,
        inputs=read.files,
        where=where,
        cost=cost,
        entries={"features": {"kept": kept, "bytes": size, "width": frozen.width, "layers": frozen.layers}},
        **given,
    )


def answers(states: States) -> Answer:
    """Logits of a `bilstm.BiLSTM` on the states of a batch."""
    return lambda model, batch: model(states(batch), batch)


class Feature(classification.Classifying):
    """One seed, as the loop wants it."""

    def __init__(
        self,
        recipe: Finetune,
        seed: int,
        train: Tokens,
        states: States,
        test: Evaluated,
        width: int,
        where: torch.device,
    ) -> None:
        model = bilstm.BiLSTM(width, len(train.label_names), recipe, seed)
        super().__init__(model, recipe, seed, train, test, where, answer=answers(states))
