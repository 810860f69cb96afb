"""Logits of a classifier on validation and test documents, and what is counted of a batch.

Shapes: B documents of a batch, R evaluated rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bertfit.batching import packing
from bertfit.batching.example_order import Array
from bertfit.batching.model_inputs import IGNORED
from bertfit.batching.packing import Batch
from bertfit.config.hyperparameters import Finetune
from bertfit.core import label_sets
from bertfit.core.label_sets import LabelSets
from bertfit.stages import prediction_writer
from bertfit.training import devices, distributed

if TYPE_CHECKING:
    from bertfit.tokens.token_file import Tokens

Answer = Callable[[Any, Batch], Tensor]
"""(model, batch) -> logits (B, labels), float32."""


def classifier_logits(model: Any, batch: Batch) -> Tensor:
    """Logits (B, labels), float32, of a `classifier.Classifier`."""
    with devices.precision(model.encoder.device):
        return model(batch).float()


def tally(loss: Tensor, logits: Tensor, labels: Tensor, share: float = 1.0, members: Tensor | None = None) -> Tensor:
    """Sum of the losses, wrong predictions and documents of a batch, (3,), from its mean loss, logits and labels (B,).

    ``members`` (S, C) are the sets of classes that ``labels`` number, where a document may have several. Documents with
    the label `IGNORED` do not count, nor does the part of a rank whose ``share`` is 0.
    """
    with torch.no_grad():
        counted = labels != IGNORED
        if members is None:
            missed = logits.argmax(1) != labels
        else:
            missed = ((logits >= 0) != (members[labels.clamp(min=0)] > 0)).any(1)
        wrong, size = (counted & missed).sum(), counted.sum()
        sums = torch.stack([loss.detach() * size, wrong, size])
        return sums if share else torch.zeros_like(sums)


def constant_guess(labels: Array, classes: int, sets: LabelSets | None = None) -> Tensor:
    """Logits (classes,), float32, that predict the most frequent of ``labels`` (R,), the first of ties.

    They are 1 for the class, or for the classes of the set, and -1 for the others: no probabilities are meant.
    """
    guess = np.array([np.bincount(labels).argmax()])
    return torch.from_numpy(np.where(label_sets.of_rows(guess, sets, classes)[0], 1, -1).astype(np.float32))


class EvaluationSet:
    """Documents to evaluate on, in packed batches of similar length that serve all evaluations of a process."""

    def __init__(
        self,
        corpus: Tokens,
        recipe: Finetune,
        device: torch.device,
        rows: Array | None = None,
        answer: Answer = classifier_logits,
    ) -> None:
        """``rows``: indices of the documents, all by default."""
        self.rows = np.arange(len(corpus)) if rows is None else rows
        self.labels = np.asarray(corpus.labels)[self.rows]
        self.sets = corpus.label_sets
        self.answer = answer
        batches = packing.by_length(packing.lengths(corpus, recipe)[self.rows], packing.BATCH_TOKENS[device.type])
        self.fastest: float | None = None
        """seconds of the fastest call of `logits` so far"""
        self._batches = [(places, packing.collate(corpus, self.rows[places], recipe)) for places in batches]

    def logits(self, model: Any, check: Callable[[], None]) -> Tensor:
        """(R, labels) float32 on the CPU, in the order of ``rows``. Calls ``check`` before each batch.

        The batches are divided over the ranks; every rank gets all logits.
        """
        logits = torch.zeros(len(self.rows), model.output.out_features)
        rank, size = distributed.rank(), distributed.size()
        model.eval()
        with torch.inference_mode():
            for turn in range(0, len(self._batches), size):
                check()  # every rank calls it equally often
                if not turn:
                    began = time.monotonic()  # after the first check, which waits for steps that are queued on a GPU
                for places, batch in self._batches[turn : turn + size][rank : rank + 1]:
                    logits[torch.from_numpy(places)] = self.answer(model, batch).cpu()
        model.train()
        logits = distributed.total(logits)
        if self._batches:
            seconds = time.monotonic() - began
            self.fastest = seconds if self.fastest is None else min(self.fastest, seconds)
        return logits

    @property
    def tokens(self) -> int:
        """Of all documents."""
        return sum(batch.tokens for _, batch in self._batches)

    def error(self, logits: Tensor) -> float:
        """Error rate in percent of logits (R, labels); see `prediction_writer.error_percent`."""
        return prediction_writer.error_percent(logits, self.labels, self.sets)
