"""Reliability diagrams: the accuracy of a classifier against its confidence (see `evaluation.calibration`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bertfit.artefacts import figure_style
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.artefacts.paper_comparison import write_csv
from bertfit.evaluation.calibration import BINS, Curve, measured
from bertfit.evaluation.predictions import diverged_seeds
from bertfit.experiments.job_specs import LinesSpec

COLUMNS = ("row", "low", "high", "n", "confidence", "accuracy", "ece", "status", "reason")


def build(spec: LinesSpec, *, files: FigureFiles) -> None:
    """Draw accuracy against confidence, with a line for each row of the artefact and the diagonal in grey.

    The ``predictions.parquet`` of a line are in the folders of its histories. Seeds whose training diverged are left
    out: their answers are a constant guess. The CSV has `COLUMNS`, a row per bin; ``ece`` is that of the whole line.
    """
    records: list[dict[str, Any]] = []
    curves: dict[str, Curve] = {}
    reasons: list[str] = []
    for line in spec.lines:
        diverged = {seed for history in line.histories for seed in diverged_seeds(Path(history))}
        seeds = [seed for seed in line.seeds if seed not in diverged]
        status, reason = line.status, line.reason
        if not reason and not seeds:
            status, reason = "not available", "every training diverged"
        about: dict[str, Any] = {"row": line.label, "status": status, "reason": reason}
        if reason:
            records.append(about)
            reasons.append(reason)
            continue
        predictions = [Path(history).with_name("predictions.parquet") for history in line.histories]
        curve = curves[line.label] = measured(predictions, seeds)
        about["ece"] = curve.ece
        bins = zip(curve.low, curve.n, curve.confidence, curve.accuracy, strict=True)
        records += [
            about | {"low": low, "high": low + 1 / BINS, "n": n, "confidence": confidence, "accuracy": accuracy}
            for low, n, confidence, accuracy in bins
        ]
    write_csv(pd.DataFrame(records), COLUMNS, files.csv)
    with figure_style.context():
        figure = Figure(figsize=(figure_style.COLUMN, 3.4), layout="constrained")
        axis = figure.subplots()
        if curves:
            _draw(axis, curves)
            figure.legend(loc="outside upper center", ncols=1, fontsize=7.5)
        else:
            figure_style.explain_empty(axis, reasons)
        figure_style.save(figure, files)


def _draw(axis: Axes, curves: Mapping[str, Curve]) -> None:
    axis.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, zorder=1)
    for index, (label, curve) in enumerate(curves.items()):
        axis.plot(
            curve.confidence, curve.accuracy, label=f"{label} (ECE {100 * curve.ece:.1f} %)", **figure_style.dots(index)
        )
    edges = (-0.02, 1.02)  # so that markers at 0 and 1 are not cut off
    axis.set(xlim=edges, ylim=edges, aspect="equal")
    axis.set(xlabel="Probability of the answer", ylabel="Share that is right")
