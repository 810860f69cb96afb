"""Whether a classifier is right as often as it is sure, and the expected calibration error.

Guo et al. 2017, "On calibration of modern neural networks". N answers (of all seeds), K bins of equal width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertfit.evaluation.predictions import last_evaluations, read_evaluations, softmax

BINS = 10
Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """Of each bin that holds an answer."""

    low: Floats
    """(K,) its lower end; it is 1 / `BINS` wide"""
    n: NDArray[np.int64]
    """(K,) answers in it"""
    confidence: Floats
    """(K,) their mean probability"""
    accuracy: Floats
    """(K,) the share of them that is right"""

    @property
    def ece(self) -> float:
        """Mean over the answers of the distance between their bin's accuracy and its confidence."""
        return float((self.n * abs(self.accuracy - self.confidence)).sum() / self.n.sum())


def curve(probability: Floats, right: NDArray[np.bool_]) -> Curve:
    """Of the probability (N,) of each answer, and whether it is right (N,); a bin holds its upper end."""
    place = np.clip(np.ceil(probability * BINS).astype(int) - 1, 0, BINS - 1)
    n = np.bincount(place, minlength=BINS)
    sure, correct = (np.bincount(place, weights=each, minlength=BINS) for each in (probability, right))
    (there,) = n.nonzero()
    return Curve(there / BINS, n[there], sure[there] / n[there], correct[there] / n[there])


def measured(predictions: Sequence[Path], seeds: Sequence[int] | None = None) -> Curve:
    """The curve of all seeds (or these) of a run, each at its last evaluation, from its ``predictions.parquet``."""
    found = [one for path in predictions for one in last_evaluations(read_evaluations(path))]
    found = [one for one in found if seeds is None or one.seed in seeds]
    chances = np.concatenate([softmax(one.logits).max(axis=1) for one in found])
    return curve(chances, np.concatenate([one.predicted == one.labels for one in found]))
