"""Reliability: whether a classifier is right as often as it is sure, and the expected calibration error.

Guo et al. 2017, "On calibration of modern neural networks". N answers (of all seeds), K bins of equal width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bertfit import answers, style
from bertfit.comparison import write_csv
from bertfit.mistakes import softmax
from bertfit.spec import Artefact

BINS = 10
COLUMNS = ("row", "low", "high", "n", "confidence", "accuracy", "ece", "status", "reason")
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
    found = [one for path in predictions for one in answers.last(answers.read(path))]
    found = [one for one in found if seeds is None or one.seed in seeds]
    chances = np.concatenate([softmax(one.logits).max(axis=1) for one in found])
    return curve(chances, np.concatenate([one.predicted == one.labels for one in found]))


def build(*, artefact: Artefact, lines: Sequence[Mapping[str, Any]], svg: Path, png: Path, csv: Path) -> None:
    """Draw accuracy against confidence, a line a row of the ``artefact``, the diagonal in grey.

    A line has a ``label``, the ``predictions`` and ``seeds`` behind it, or a ``status`` and ``reason`` why there is
    none. The CSV has `COLUMNS`, a row a bin; ``ece`` is the line's.
    """
    records: list[dict[str, Any]] = []
    curves: dict[str, Curve] = {}
    for line in lines:
        about = {"row": line["label"], "status": line["status"], "reason": line["reason"]}
        if line["reason"]:
            records.append(about)
            continue
        one = curves[line["label"]] = measured(line["predictions"], line["seeds"])
        bins = zip(one.low, one.n, one.confidence, one.accuracy, strict=True)
        records += [
            about | {"low": low, "high": low + 1 / BINS, "n": n, "confidence": sure, "accuracy": right, "ece": one.ece}
            for low, n, sure, right in bins
        ]
    write_csv(pd.DataFrame(records), COLUMNS, csv)
    with style.context():
        figure = Figure(figsize=(style.COLUMN, 3.4), layout="constrained")
        axis = figure.subplots()
        if curves:
            _draw(axis, curves)
            figure.legend(loc="outside upper center", ncols=1, fontsize=7.5)
        else:
            style.say(axis, [line["reason"] for line in lines])
        style.save(figure, svg, png)


def _draw(axis: Axes, curves: Mapping[str, Curve]) -> None:
    axis.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, zorder=1)
    for index, (label, one) in enumerate(curves.items()):
        axis.plot(one.confidence, one.accuracy, label=f"{label} (ECE {100 * one.ece:.1f} %)", **style.dots(index))
    edges = (-0.02, 1.02)  # whole markers
    axis.set(xlim=edges, ylim=edges, aspect="equal")
    axis.set(xlabel="Probability of the answer", ylabel="Share that is right")
