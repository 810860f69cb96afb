"""How many more labels help: sentences on a learning curve, and the curve as coordinates of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from bertfit.analysis.learning_curve import FittedLaw, LearningCurve, MeasuredPoint, PredictedPoint
from bertfit.core import formatting
from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.core.pydantic_errors import from_json

LEAST_FALL = 0.1
"""points of error that twice as many labels save at least, with 97.5 %, where they are said to help"""

WIDTH, HEIGHT = 320.0, 200.0
"""of the plot, in units of the SVG"""
MARGIN = 1.25
"""the sizes, on a logarithmic axis, begin and end at this factor of the smallest and largest"""
STEPS = 40
"""points of a drawn line"""
TIMES = {2: "twice", 4: "four times", 8: "eight times"}


@dataclass(frozen=True)
class CurvePoint:
    """A point with the ends of its interval, y downwards."""

    x: float
    y: float
    low: float
    high: float
    label: str
    predicted: bool


@dataclass(frozen=True)
class CurveFigure:
    """Points, the lines ``inside`` and ``beyond`` the measured sizes (paths; empty without a fit), and ticks of y."""

    points: list[CurvePoint]
    inside: str
    beyond: str
    y_ticks: list[tuple[float, str]]
    width: float = WIDTH
    height: float = HEIGHT


def read(path: Path) -> LearningCurve:
    """Read ``learning_curve.json``. Raises `UserError` if it is missing or damaged."""
    try:
        return from_json(LearningCurve, read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a learning curve ({error}); delete it and run again") from error


def sentences(curve: LearningCurve) -> list[str]:
    """What more labels would do, and what speaks against the prediction."""
    note = f"{curve.note[:1].upper()}{curve.note[1:]}." if curve.note else ""
    if not curve.predictions:
        return [note] if note else []
    now, first, last = curve.points[-1], curve.predictions[0], curve.predictions[-1]
    found = [
        f"With {now.training_texts:,} training texts the error on validation texts is {now.error:.1f} %. "
        f"{_expected(first)}; {_expected(last, short=True)}.",
        "More labels are likely to help."
        if first.fall_low >= LEAST_FALL
        else "It is not certain that twice as many labels help: the error may stay as it is.",
    ]
    return [*found, note] if note else found


def figure(curve: LearningCurve) -> CurveFigure:
    """The measured points, and the predicted ones with the fitted curve if there is a fit."""
    shown: list[MeasuredPoint | PredictedPoint] = [*curve.points, *curve.predictions]
    sizes = [point.training_texts for point in shown]
    top = max(point.high for point in shown)
    ticks = [tick for tick in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(0, max(top, 1.0)) if tick >= 0]
    span = np.log([min(sizes) / MARGIN, max(sizes) * MARGIN])

    def x(size: float) -> float:
        return round(float(WIDTH * (np.log(size) - span[0]) / (span[1] - span[0])), 1)

    def y(error: float) -> float:
        return round(float(HEIGHT * (1 - error / ticks[-1])), 1)

    def line(fit: FittedLaw, low: float, high: float) -> str:
        between = np.geomspace(low, high, STEPS)
        errors = np.clip(fit.c + fit.a * between**-fit.b, 0, ticks[-1])
        return _path([(x(size), y(error)) for size, error in zip(between, errors, strict=True)])

    last = curve.points[-1].training_texts
    points = [
        CurvePoint(
            x(point.training_texts), y(point.error), y(point.low), y(point.high),
            _size(point.training_texts), isinstance(point, PredictedPoint),
        )
        for point in shown
    ]  # fmt: skip
    return CurveFigure(
        points,
        line(curve.fit, sizes[0], last) if curve.fit else "",
        line(curve.fit, last, sizes[-1]) if curve.fit and curve.predictions else "",
        [(y(tick), f"{tick:g}") for tick in ticks],
    )


def _expected(prediction: PredictedPoint, *, short: bool = False) -> str:
    times = TIMES.get(prediction.factor, f"{prediction.factor} times")
    expected = f"{prediction.error:.1f} % ({prediction.low:.1f} to {prediction.high:.1f} %)"
    if short:
        return f"with {times} as many, {expected}"
    return f"With {times} as many, {prediction.training_texts:,}, expect {expected}"


def _size(texts: int) -> str:
    """A number of texts that is short enough for an axis: ``9,999``, ``10.2k``."""
    return f"{texts:,}" if texts < 10_000 else formatting.count(texts)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)
