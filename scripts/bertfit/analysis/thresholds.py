"""Thresholds of the probabilities where a text has several labels, chosen on validation texts.

Shapes: N texts, C labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEWEST = 5
"""validation texts with a label from which on its threshold is chosen"""
DEFAULT = 0.5


def best(probabilities: NDArray[np.floating], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(C,) for each label the threshold with the highest F1 on validation texts; a text has it from there on.

    ``probabilities`` (N, C) of the labels, and which of them each text has (N, C). Of thresholds with equal F1 the one
    nearest to 0.5 is taken, and 0.5 for a label that fewer than `FEWEST` texts have. Raises `ValueError` if shapes
    differ.
    """
    if probabilities.shape != labels.shape or probabilities.ndim != 2:
        raise ValueError(f"probabilities {probabilities.shape} and labels {labels.shape} are not both (N, C)")
    columns = zip(probabilities.astype(np.float64).T, labels.astype(bool).T, strict=True)
    return np.array([_best(values, has) if has.sum() >= FEWEST else DEFAULT for values, has in columns])


def f1(probabilities: NDArray[np.floating], labels: NDArray[np.bool_], thresholds: NDArray[np.floating]) -> NDArray:
    """(C,) F1 of each label at its threshold; 0 where no text has the label or gets it."""
    said, has = probabilities >= thresholds, labels.astype(bool)
    return 2 * (said & has).sum(axis=0) / np.maximum(said.sum(axis=0) + has.sum(axis=0), 1)


def _best(values: NDArray[np.float64], has: NDArray[np.bool_]) -> float:
    """The threshold of one label: ``values`` (N,) are its probabilities, ``has`` (N,) which texts have it."""
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)  # last text of each distinct value
    score = 2 * np.cumsum(has[order])[ends] / (ends + 1 + has.sum())
    lowest = values[order][ends]  # of the texts that get the label
    highest = np.append(lowest[1:], 0.0)  # of the others
    between = (lowest + highest) / 2
    candidates = np.where((highest < DEFAULT) & (lowest >= DEFAULT), DEFAULT, between)
    top = np.flatnonzero(score >= score.max() - 1e-12)
    return float(candidates[top[np.argmin(abs(candidates[top] - DEFAULT))]])
