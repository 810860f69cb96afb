"""Metrics of classifiers of texts with several labels: of each label, their means, and of whole sets of labels.

Shapes: N test examples, C classes; a leading S (seeds) may precede N. `core.label_sets` gives the classes of examples
from their sets, and those that a classifier predicts from its logits and thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertfit.core import label_sets
from bertfit.statistics.bootstrap import Floats


@dataclass(frozen=True)
class LabelMetrics:
    """Shares from 0 to 1. Of a label that is never predicted, or that no example has, the undefined ones are 0."""

    precision: Floats
    """(..., C)"""
    recall: Floats
    """(..., C)"""
    f1: Floats
    """(..., C)"""
    support: NDArray[np.int64]
    """(C,) examples that have the label"""
    micro_f1: Floats
    """(...,) of all pairs of an example and a label"""
    macro_f1: Floats
    """(...,) mean F1 of the labels that an example has or that are predicted (as `metrics.macro_f1`)"""
    subset_error: Floats
    """(...,) share of the examples whose predicted set is not exactly theirs"""


def measure(predicted: NDArray[np.bool_], expected: NDArray[np.bool_]) -> LabelMetrics:
    """Metrics of ``predicted`` classes (..., N, C) against those of the examples (N, C).

    Raises `ValueError` where the shapes differ or there is no example.
    """
    if predicted.shape[-2:] != expected.shape or not len(expected):
        raise ValueError(f"predictions of the shape {predicted.shape}, examples of {expected.shape}")
    hits = (predicted & expected).sum(-2)
    answered, support = predicted.sum(-2), expected.sum(0)
    both = answered + support  # 2 TP + FP + FN
    f1 = _ratio(2 * hits, both)
    return LabelMetrics(
        precision=_ratio(hits, answered),
        recall=_ratio(hits, np.broadcast_to(support, hits.shape)),
        f1=f1,
        support=support,
        micro_f1=_ratio(2 * hits.sum(-1), both.sum(-1)),
        macro_f1=_ratio(f1.sum(-1), (both > 0).sum(-1)),
        subset_error=(predicted != expected).any(-1).mean(-1),
    )


def of_logits(
    logits: NDArray[np.floating],
    labels: NDArray[np.integer],
    sets: label_sets.LabelSets,
    thresholds: NDArray[np.floating] | float = 0.5,
) -> LabelMetrics:
    """Metrics of logits (..., N, C) against examples whose ``labels`` (N,) number ``sets``.

    A label is predicted where its probability reaches its threshold, one for all or (C,).
    """
    expected = label_sets.members(sets, logits.shape[-1])[labels]
    return measure(label_sets.predicted(logits, thresholds), expected)


def _ratio(part: NDArray, whole: NDArray) -> Floats:
    """0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)
