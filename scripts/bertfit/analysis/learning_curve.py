"""How many more labels? The error at shares of the training set, extrapolated to multiples of it, and its figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from pydantic import BaseModel, ConfigDict

from bertfit.analysis import power_law
from bertfit.analysis.power_law import FEWEST, ErrorsBySize, Floats
from bertfit.artefacts import figure_style
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.core.errors import UserError
from bertfit.core.files import atomic, write_json
from bertfit.evaluation import predictions as predictions_file
from bertfit.statistics.metrics import wilson

FACTORS = (2, 4, 8)
"""multiples of the training set that are predicted"""
POOR_FIT = 3.0
"""misfit (`power_law.PowerLaw`) from which on a note says that the errors do not follow a curve"""
COLUMNS = ("training_texts", "kind", "error", "low", "high")


class _Recorded(BaseModel):
    model_config = ConfigDict(frozen=True)


class MeasuredPoint(_Recorded):
    """The measured error at a size: mean over the seeds, with the 95 % interval that the validation texts give it."""

    training_texts: int
    seeds: int
    error: float
    low: float
    high: float


class FittedLaw(_Recorded):
    """error = c + a * training_texts ** -b, in percent."""

    a: float
    b: float
    c: float


class PredictedPoint(_Recorded):
    """The error at ``factor`` times the training set: of the fit, within its 95 % band.

    ``fall_low`` to ``fall_high``: 95 % band of how much lower it is than at the largest measured size, in points.
    """

    factor: int
    training_texts: int
    error: float
    low: float
    high: float
    fall_low: float = 0.0
    fall_high: float = 0.0


class LearningCurve(_Recorded):
    """``learning_curve.json``; all errors in percent. ``note``: why there is no fit, or what speaks against it."""

    validation_texts: int
    points: list[MeasuredPoint]
    fit: FittedLaw | None
    predictions: list[PredictedPoint]
    note: str


@dataclass(frozen=True)
class _Sizes:
    """The errors (shares) of each size, ascending, by seed, and the number of validation texts."""

    errors: dict[int, Floats]
    texts: int

    def measured(self) -> ErrorsBySize:
        """As `power_law` reads it."""
        by_size = list(self.errors.values())
        return ErrorsBySize(
            np.array(list(self.errors), np.float64),
            np.array([of_size.mean() for of_size in by_size]),
            np.array([len(of_size) for of_size in by_size]),
            self.texts,
            power_law.spread_between_seeds(by_size),
        )


def build(predictions: Sequence[Path], sizes: Sequence[int], *, out: Path, files: FigureFiles) -> LearningCurve:
    """Write the learning curve of runs as JSON (`LearningCurve`) and as a figure with its data (`COLUMNS`, percent).

    ``predictions``: ``predictions.parquet`` of runs on ``sizes`` training texts each, all measured on the same texts;
    each seed's last evaluation counts. Several files may have one size. Without `FEWEST` sizes there is no fit and no
    prediction. Raises `UserError` if runs were measured on different texts.
    """
    read = _read(predictions, sizes)
    curve = _curve(read)
    write_json(out, curve.model_dump(mode="json"))
    rows = [{"kind": "measured", **vars(point)} for point in curve.points]
    rows += [{"kind": "predicted", **vars(prediction)} for prediction in curve.predictions]
    with atomic(files.csv) as temporary:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(temporary, index=False, float_format="%.4f")
    with figure_style.context():
        figure = Figure(figsize=(figure_style.COLUMN, 2.9), layout="constrained")
        axis = figure.subplots()
        _draw(axis, curve, read)
        handles, names = axis.get_legend_handles_labels()  # lines and bands come before points
        figure.legend(
            handles[-1:] + handles[:-1], names[-1:] + names[:-1], loc="outside upper center", ncols=3, fontsize=7.5
        )
        figure_style.save(figure, files)
    return curve


def _read(predictions: Sequence[Path], sizes: Sequence[int]) -> _Sizes:
    errors: dict[int, list[float]] = {}
    labels = None
    for path, size in sorted(zip(predictions, sizes, strict=True), key=lambda pair: pair[1]):
        of_run, wrong = predictions_file.last_errors(path)
        labels = of_run if labels is None else labels
        if not np.array_equal(labels, of_run):
            raise UserError(f"{path}: measured on other texts than {predictions[0]}; delete both and run again")
        errors.setdefault(size, []).extend(float(of_seed.mean()) for of_seed in wrong.values())
    if labels is None:
        raise ValueError("no predictions")
    return _Sizes({size: np.array(of_size) for size, of_size in errors.items()}, len(labels))


def _curve(read: _Sizes) -> LearningCurve:
    points = [_point(size, errors, read.texts) for size, errors in read.errors.items()]
    if len(points) < FEWEST:
        note = f"no prediction: measured at {len(points)} sizes of the training set, and at least {FEWEST} are needed"
        return LearningCurve(validation_texts=read.texts, points=points, fit=None, predictions=[], note=note)
    measured, largest = read.measured(), points[-1].training_texts
    law = power_law.fit(measured)
    new = np.array([factor * largest for factor in FACTORS], np.float64)
    band = power_law.band(measured, new)
    low, high = 100 * band.low, 100 * band.high
    error = np.clip(100 * law.at(new), low, high)
    predictions = [
        PredictedPoint(
            factor=factor,
            training_texts=factor * largest,
            error=error[at],
            low=low[at],
            high=high[at],
            fall_low=100 * band.fall_low[at],
            fall_high=100 * band.fall_high[at],
        )
        for at, factor in enumerate(FACTORS)
    ]
    fit = FittedLaw(a=100 * law.a, b=law.b, c=100 * law.c)
    note = _note(points, law.misfit)
    return LearningCurve(validation_texts=read.texts, points=points, fit=fit, predictions=predictions, note=note)


def _point(size: int, errors: Floats, texts: int) -> MeasuredPoint:
    error = float(errors.mean())
    low, high = wilson(error * texts, texts)
    return MeasuredPoint(training_texts=size, seeds=len(errors), error=100 * error, low=100 * low, high=100 * high)


def _note(points: Sequence[MeasuredPoint], misfit: float) -> str:
    """What speaks against the fit; empty if nothing does."""
    first, last = points[0], points[-1]
    if last.error == 0:
        return "no error is left on the validation texts: more of these are needed to see what more labels would do"
    if last.error >= first.error:
        return "the error does not fall with the size of the training set"
    if misfit > POOR_FIT:
        return "the errors do not follow a falling curve: the band is wider for it"
    return ""


def _draw(axis: Axes, curve: LearningCurve, read: _Sizes) -> None:
    """Points with intervals; the fitted curve, dashed beyond the measured sizes, and its band."""
    sizes = [point.training_texts for point in curve.points]
    look = figure_style.line(0)["color"]
    error = np.array([point.error for point in curve.points])
    ends = np.array([(point.low, point.high) for point in curve.points]).T
    whiskers = np.maximum(np.stack([error - ends[0], ends[1] - error]), 0)
    dots = figure_style.dots(0) | {"linestyle": "none"}
    axis.errorbar(sizes, error, yerr=whiskers, elinewidth=0.8, capsize=2, zorder=3, label="measured", **dots)
    shown = sizes + [prediction.training_texts for prediction in curve.predictions]
    if curve.fit:
        measured = read.measured()
        law = power_law.fit(measured)
        inside = np.geomspace(sizes[0], sizes[-1], 50)
        beyond = np.geomspace(sizes[-1], shown[-1], 50)
        axis.plot(inside, 100 * law.at(inside), color=look, zorder=2)
        axis.plot(beyond, 100 * law.at(beyond), color=look, linestyle="dashed", zorder=2, label="predicted")
        band = power_law.band(measured, beyond)
        axis.fill_between(
            beyond, 100 * band.low, 100 * band.high, color=look, alpha=0.18, linewidth=0, label="95 % band"
        )
    axis.set(xlabel="Training texts", ylabel="Error on validation texts (%)")
    axis.set_xscale("log")
    axis.set_xlim(shown[0] / 1.3, shown[-1] * 1.3)
    axis.xaxis.set_major_locator(FixedLocator(shown))
    axis.xaxis.set_major_formatter(FixedFormatter([f"{size:,}" for size in shown]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(axis="x", labelrotation=45)
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
