"""Whether the probabilities are right: reliability curves before and after temperature scaling, as points of an SVG.

Shapes: N predictions, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax

from bertfit.core.errors import UserError
from bertfit.dataset_report.phrases import percent
from bertfit.evaluation.calibration import BINS, Curve, curve
from bertfit.evaluation.predictions import last_evaluations, read_evaluations
from bertfit.search.outcome_record import ModelOutcome

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


def figure(outcome: ModelOutcome, predictions: Path) -> ReliabilityFigure:
    """The figure of the first seed's last evaluation, which is the exported classifier's.

    Raises `UserError` for a file that cannot be read, or that has other classes than the ``outcome``.
    """
    temperature = outcome.calibration.temperature
    scales = {"as trained": 1.0} if temperature == 1 else {"before scaling": 1.0, "after scaling": temperature}
    curves = {name: measured(predictions, outcome, scale) for name, scale in scales.items()}
    last = list(curves.values())[-1]
    return ReliabilityFigure(
        {name: _points(found, outcome.several_labels) for name, found in curves.items()},
        _sentence(last, outcome.several_labels),
    )


def measured(predictions: Path, outcome: ModelOutcome, temperature: float) -> Curve:
    """Reliability curve of logits divided by ``temperature``.

    With one label a text, an answer is right with its probability; with several, each class of each text is a
    prediction.
    """
    evaluation = last_evaluations(read_evaluations(predictions))[0]
    classes = len(outcome.labels)
    if evaluation.logits.shape[1] != classes:
        raise UserError(f"{predictions}: not of {classes} classes; delete its folder and run again")
    logits = evaluation.logits.astype(np.float64) / temperature
    if not outcome.several_labels:
        return curve(softmax(logits, axis=1).max(axis=1), evaluation.predicted == evaluation.labels)
    if evaluation.sets is None:
        raise UserError(f"{predictions}: has no sets of labels; delete its folder and run again")
    return curve(expit(logits).ravel(), evaluation.members.ravel())


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
