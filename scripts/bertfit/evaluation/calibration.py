"""Reliability curve and expected calibration error (Guo et al. 2017, "On calibration of modern neural networks").

Shapes: N predictions (of all seeds), K non-empty bins of equal width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertfit.core import label_sets
from bertfit.evaluation.predictions import Evaluation, last_evaluations, read_evaluations, sigmoid, softmax

BINS = 10
Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """Reliability curve: the non-empty bins of the predicted probability."""

    low: Floats
    """(K,) lower ends of the bins; each is 1 / `BINS` wide"""
    n: NDArray[np.int64]
    """(K,) numbers of predictions"""
    confidence: Floats
    """(K,) mean predicted probabilities"""
    accuracy: Floats
    """(K,) shares of correct predictions"""

    @property
    def ece(self) -> float:
        """Expected calibration error: |accuracy - confidence| of the bins, weighted by their predictions."""
        return float((self.n * abs(self.accuracy - self.confidence)).sum() / self.n.sum())


def curve(probability: Floats, right: NDArray[np.bool_]) -> Curve:
    """Reliability curve of predictions with ``probability`` (N,), of which ``right`` (N,) are correct.

    A bin includes its upper end.
    """
    bins = np.clip(np.ceil(probability * BINS).astype(int) - 1, 0, BINS - 1)
    n = np.bincount(bins, minlength=BINS)
    confidence, correct = (np.bincount(bins, weights=values, minlength=BINS) for values in (probability, right))
    (filled,) = n.nonzero()
    return Curve(filled / BINS, n[filled], confidence[filled] / n[filled], correct[filled] / n[filled])


def measured(predictions: Sequence[Path], seeds: Sequence[int] | None = None) -> Curve:
    """Reliability curve of a run's seeds (default: all) at their last evaluations, from its ``predictions.parquet``.

    Of examples with several classes, each class is a prediction: that an example has it, or that it does not.
    """
    evaluations = [last for path in predictions for last in last_evaluations(read_evaluations(path))]
    evaluations = [last for last in evaluations if seeds is None or last.seed in seeds]
    pairs = [_probabilities(last) for last in evaluations]
    return curve(*(np.concatenate(parts) for parts in zip(*pairs, strict=True)))


def _probabilities(last: Evaluation) -> tuple[Floats, NDArray[np.bool_]]:
    """Probability of each prediction, and whether it is correct."""
    if last.sets is None:
        return softmax(last.logits).max(axis=1), last.predicted == last.labels
    chances = sigmoid(last.logits)
    right = label_sets.predicted(last.logits) == last.members
    return np.maximum(chances, 1 - chances).ravel(), right.ravel()
