"""BERT-Feat (section 5.4.3): a frozen encoder's states as the input of a biLSTM with self-attention.

The states of all tokens are computed once a job, written unpadded to a memory-mapped file, and reused over epochs and
seeds while they fit ``cache_mb``; beyond it each batch computes its own (Yahoo's would take hundreds of gigabytes). The
encoder is no part of the trained model: it stays in eval mode, without dropout, and no state file holds it.
Shapes: N packed tokens, W width of the states (layers times hidden size for concat).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bertfit.batching import packing, transfer
from bertfit.batching.packing import Batch
from bertfit.config.hyperparameters import Finetune
from bertfit.core.files import read_json
from bertfit.model import bilstm
from bertfit.runtime import resume_state
from bertfit.stages import classification, feature_cache
from bertfit.stages.classification import InputFiles, Inputs
from bertfit.stages.evaluate import Answer, EvaluationSet
from bertfit.stages.feature_cache import Cache, Frozen
from bertfit.stages.seed_block import SeedBlock, Strategy
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices

log = logging.getLogger(__name__)

MEGABYTE = 10**6
States = Callable[[Batch], Tensor]
"""Batch -> (N, W), without gradient, on the device."""


def run(*, recipe: Finetune, files: InputFiles, block: SeedBlock, cache_mb: int) -> None:
    """Train each seed as if it were alone; arguments and outputs as of `finetuning.run`.

    ``cache_mb`` (10**6 bytes): up to this size the states are cached below the block's ``state`` until the job ends;
    ``features`` of run.json says whether they were. Raises `UserError` for inputs that do not fit together, and a
    full disk. A seed whose training diverges is a failed run, as in fine-tuning.
    """
    device = devices.prepare(block.threads)
    block.train(FeatureStrategy(recipe, files.read(recipe), device, block.state, cache_mb))


class FeatureStrategy(Strategy["FeatureTask"]):
    """A biLSTM on the states of a frozen encoder, which are cached if they fit."""

    def __init__(self, recipe: Finetune, inputs: Inputs, device: torch.device, state: Path, cache_mb: int) -> None:
        self._recipe, self._inputs = recipe, inputs
        self._frozen = Frozen(inputs.encoder, recipe, device)
        self._folder = feature_cache.cache_folder(state, self._frozen, recipe, inputs.recorded)
        tokens = sum(int(packing.lengths(corpus, recipe).sum()) for corpus in (inputs.train, inputs.test))
        self._bytes = tokens * self._frozen.width * self._frozen.kind.itemsize
        self._cached = self._bytes <= cache_mb * MEGABYTE
        comparison, how = ("within", "cached") if self._cached else ("more than", "computed for each batch")
        size = self._bytes / MEGABYTE
        log.info("states of the frozen encoder: %.0f MB, %s %d MB: %s", size, comparison, cache_mb, how)
        key = resume_state.key(recipe.model_dump(), self._cached, inputs=inputs.recorded)
        super().__init__(
            key=key,
            labels=inputs.test.labels,
            input_files=inputs.recorded,
            device=device,
            sets=inputs.test.label_sets,
        )

    @cached_property
    def _states(self) -> tuple[States, States]:
        """Of the training and the test set. Computed for the first seed that is trained, and not if none is left."""
        if not self._cached:
            return self._frozen, self._frozen
        corpora = {"train": self._inputs.train, "test": self._inputs.test}
        feature_cache.compute(self._frozen, corpora, self._recipe, self._folder)
        train, test = (Cache(self._folder / name, self._frozen, corpora[name], self._recipe) for name in corpora)
        return train, test

    @cached_property
    def _test_set(self) -> EvaluationSet:
        return EvaluationSet(self._inputs.test, self._recipe, self.device, answer=answers(self._states[1]))

    def task(self, seed: int) -> FeatureTask:
        """A newly initialised biLSTM on the encoder's states."""
        train, states = self._inputs.train, self._states[0]
        return FeatureTask(self._recipe, seed, train, states, self._test_set, self._frozen.width, self.device)

    def classifier(self, task: FeatureTask) -> dict[str, Any]:
        """The encoder, which is not trained, and the biLSTM; with the time of the test set's states."""
        encoding = self._encoding().get("test_seconds", 0.0)
        return classification.measured(task, self._frozen.encoder, encoding)  # type: ignore[arg-type]

    def extra_cost(self) -> dict[str, Any]:
        """Tokens, seconds and energy of computing the encoder's states, where they are cached."""
        cost = self._encoding()
        return {"encoding": cost} if cost else {}

    def _encoding(self) -> dict[str, Any]:
        cost = self._folder / feature_cache.COST
        return read_json(cost) if self._cached and cost.is_file() else {}

    def extra_entries(self) -> dict[str, Any]:
        """Size of the states, and their layers; what the encoder is."""
        frozen = self._frozen
        features = {"cached": self._cached, "bytes": self._bytes, "width": frozen.width, "layers": frozen.layers}
        return {"features": features, "encoder": frozen.encoder.facts}


def answers(states: States) -> Answer:
    """Logits of a `bilstm.BiLSTM` on the states of a batch."""
    return lambda model, batch: model(states(batch), batch)


@dataclass(frozen=True)
class FeatureInputs:
    """What a `FeatureTask` reads of a batch."""

    batch: Batch
    states: Tensor
    """(N, W), on the device."""
    labels: Tensor
    """(B,), on the device."""

    @property
    def share(self) -> float:
        """Of the whole batch's documents, see `rank_split`."""
        return self.batch.share


class FeatureTask(classification.ClassificationTask):
    """The task of one seed: a `bilstm.BiLSTM`."""

    can_be_padded = False  # cuDNN's LSTM takes the documents' lengths on the host

    def __init__(
        self,
        recipe: Finetune,
        seed: int,
        train: Tokens,
        states: States,
        test: EvaluationSet,
        width: int,
        device: torch.device,
    ) -> None:
        model = bilstm.BiLSTM(width, len(train.label_names), recipe, seed)
        super().__init__(model, recipe, seed, train, test, device, answer=answers(states))
        self._states = states

    def inputs(self, batch: Batch) -> FeatureInputs:
        """The encoder's states of the batch."""
        return FeatureInputs(batch, self._states(batch), transfer.to_device(batch.labels, self.device))

    def logits(self, inputs: FeatureInputs) -> Tensor:
        """(B, labels) float32."""
        return self.model(inputs.states, inputs.batch)
