"""Whether the probabilities are right: reliability curves before and after temperature scaling, as points of an SVG.

Shapes: N predictions, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.dataset_report.phrases import percent
from bertfit.evaluation.calibration import BINS, Curve, Floats, curve
from bertfit.evaluation.predictions import Evaluation, last_evaluations, read_evaluations, softmax
from bertfit.search.outcome_record import Outcome

SIZE = 300
"""side of the square plot, in units of the SVG"""
LARGEST, SMALLEST = 9.0, 3.0
"""radius of a bin with all predictions, and with hardly any"""


@dataclass(frozen=True)
class Bin:
    """A point of a curve; ``x``, ``y`` and ``radius`` in units of the SVG, y downwards; ``title``: what it says."""

    x: float
    y: float
    radius: float
    title: str


@dataclass(frozen=True)
class ReliabilityFigure:
    """Curves (name -> points), and a sentence on the fullest bin of the last one."""

    curves: dict[str, list[Bin]]
    sentence: str
    size: int = SIZE

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Position and text of the ticks of both axes."""
        return [(SIZE * share / 100, str(share)) for share in range(0, 101, 20)]


def figure(outcome: Outcome, predictions: Sequence[Path]) -> ReliabilityFigure:
    """The figure of the last evaluations of all seeds in ``predictions``.

    Raises `UserError` for a file that cannot be read, or that has other classes than the ``outcome``.
    """
    temperature = outcome.calibration.temperature
    names = {"as measured": 1.0} if temperature == 1 else {"before scaling": 1.0, "after scaling": temperature}
    curves = {name: measured(predictions, outcome, scale) for name, scale in names.items()}
    last = list(curves.values())[-1]
    return ReliabilityFigure(
        {name: _points(found, outcome.several_labels) for name, found in curves.items()},
        _sentence(last, outcome.several_labels),
    )


def measured(predictions: Sequence[Path], outcome: Outcome, temperature: float) -> Curve:
    """Reliability curve of logits divided by ``temperature``.

    A prediction is an answer with its probability; with several labels a text, each class of each text is one.
    """
    probability, right = zip(*(_scored(path, outcome, temperature) for path in predictions), strict=True)
    return curve(np.concatenate(probability), np.concatenate(right))


def _scored(path: Path, outcome: Outcome, temperature: float) -> tuple[Floats, np.ndarray]:
    """(N) probabilities, and whether each prediction is right."""
    found = last_evaluations(read_evaluations(path))
    classes = len(outcome.labels)
    if any(each.logits.shape[1] != classes for each in found):
        raise UserError(f"{path}: not of {classes} classes; delete its folder and run again")
    if not outcome.several_labels:
        parts = [(softmax(each.logits / temperature).max(axis=1), each.predicted == each.labels) for each in found]
    else:
        sets = label_sets.read(pq.read_schema(path).metadata)
        if sets is None:
            raise UserError(f"{path}: has no sets of labels; delete its folder and run again")
        members = label_sets.members(sets, classes)
        parts = [(_sigmoid(each, temperature).ravel(), members[each.labels].ravel()) for each in found]
    probability, right = zip(*parts, strict=True)
    return np.concatenate(probability), np.concatenate(right)


def _sigmoid(evaluation: Evaluation, temperature: float) -> Floats:
    return 1 / (1 + np.exp(-np.clip(evaluation.logits.astype(np.float64) / temperature, -500, 500)))


def _points(found: Curve, several_labels: bool) -> list[Bin]:
    total, what = found.n.sum(), "labels" if several_labels else "answers"
    return [
        Bin(
            round(SIZE * confidence, 1),
            round(SIZE * (1 - accuracy), 1),
            round(SMALLEST + (LARGEST - SMALLEST) * float(np.sqrt(n / total)), 1),
            f"{n:,} {what} with a probability of {percent(confidence, 0)} on average: {percent(accuracy, 0)} are right",
        )
        for n, confidence, accuracy in zip(found.n, found.confidence, found.accuracy, strict=True)
    ]


def _sentence(found: Curve, several_labels: bool) -> str:
    fullest = int(found.n.argmax()) if not several_labels else int((found.n * (found.low >= 0.5)).argmax())
    low = found.low[fullest]
    what = "labels that are given" if several_labels else "answers"
    return (
        f"Of the {found.n[fullest]:,} {what} with a probability of {100 * low:.0f} to {100 * (low + 1 / BINS):.0f} %, "
        f"{percent(found.confidence[fullest], 0)} on average, {percent(found.accuracy[fullest], 0)} are right."
    )
