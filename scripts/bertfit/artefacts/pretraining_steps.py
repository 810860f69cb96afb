"""Figures of kind steps: test error against the number of further pre-training steps (section 5.4.1)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from bertfit.artefacts import figure_style
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.artefacts.paper_comparison import DIFFERENCE, compare_with_paper, write_csv
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.job_specs import CellSpec, CellsSpec

COLUMNS = (
    "row", "steps", "n", "mean", "std", "low", "high", "mean_best", "published_steps", "published", *DIFFERENCE,
    "status", "reason", "note",
)  # fmt: skip


def build(spec: CellsSpec, *, results: Path, published: Path, files: FigureFiles) -> None:
    """Draw the test error, in percent, of the last epoch against the steps of further pre-training.

    A point is the mean over seeds with its 95 % interval (`results_file.ErrorSummary`); the error after 0 steps is a
    horizontal line. Hollow markers are the paper's values, only if the study is ``comparable``. The CSV has `COLUMNS`,
    as in `error_table`. ``published_steps``, from the name of the row, are the steps of the published value; if the
    study's steps differ from them, `DIFFERENCE` is empty. Points that are not ``ok`` have a reason in the CSV; if
    none is ``ok``, the figure shows the reasons. ``results``: written by `score_runs.build`.

    Raises `UserError` if a run of an ``ok`` point is not in ``results``.
    """
    points, comparable = spec.cells, spec.comparable
    paper = published_values(published, spec.key)
    compared = compare_with_paper(points, results, lambda point: _printed(point, paper), comparable)
    records = [record for record, _ in compared]
    for point, record in zip(points, records, strict=True):
        record["published_steps"] = _steps_of_name(point.row) if _printed(point, paper) else None
        if record["published_steps"] != point.steps:
            record |= dict.fromkeys(DIFFERENCE)
    frame = write_csv(records, COLUMNS, files.csv)

    with figure_style.context():
        figure = Figure(figsize=(figure_style.COLUMN, 2.9), layout="constrained")
        axis = figure.subplots()
        axis.set_ylabel(f"Test error on {points[0].column} (%)")
        if frame["mean"].notna().any():
            _draw_steps(axis, frame.sort_values("steps"), comparable)
            figure.legend(loc="outside upper center", ncols=3, handlelength=2.4, columnspacing=1.0, fontsize=7.5)
        else:
            figure_style.explain_empty(axis, [point.reason for point in points])
        figure_style.save(figure, files)


def _steps_of_name(row: str) -> int | None:
    """Steps in the name of a row: ``0``, ``1k``, ...; None for other names."""
    named = re.fullmatch(r"(\d+)k|0", row)
    return None if named is None else 1000 * int(named[1] or 0)


def _printed(point: CellSpec, paper: dict[tuple[str, str], str]) -> str | None:
    """The paper's error after the thousands of steps in the name of the point's row; None if there is none."""
    column = f"{point.row.removesuffix('k')} thousand further pre-training steps"
    values = (value for (row, name), value in paper.items() if row.endswith(f"({point.column})") and name == column)
    return next(values, None)


def _draw_steps(axis: Axes, frame: pd.DataFrame, comparable: bool) -> None:
    """Points with intervals on a logarithmic axis that begins with 0, and a horizontal line for 0 steps."""
    without, after = (part.dropna(subset=["mean"]) for part in (frame[frame.steps == 0], frame[frame.steps > 0]))
    if len(after):
        intervals = [after["mean"] - after["low"], after["high"] - after["mean"]]
        look = {"marker": "o", "markersize": 3.5, "elinewidth": 0.8, "capsize": 2, **figure_style.line(0)}
        axis.errorbar(after["steps"], after["mean"], yerr=intervals, label="further pre-trained", zorder=3, **look)
    for _, level in without.iterrows():
        look = figure_style.line(1)
        axis.axhline(level["mean"], label="without", zorder=2, **look)
        axis.axhspan(level["low"], level["high"], color=look["color"], alpha=0.12, linewidth=0)
    if comparable:
        look = {"linestyle": "none", **figure_style.hollow(0)}
        axis.plot(frame["published_steps"], frame["published"], label="published", zorder=4, **look)
    lengths = [frame["steps"], *([frame["published_steps"]] if comparable else [])]
    shown = pd.concat(lengths).dropna()
    _steps_axis(axis, shown[shown > 0])


def _steps_axis(axis: Axes, steps: pd.Series[Any]) -> None:
    """Ticks at 0, 1, 2, 5, 10, ...; in thousands if all steps are at least 1000."""
    unit = 1000 if len(steps) and steps.min() >= 1000 else 1
    axis.set_xlabel("Further pre-training steps" + (" (thousands)" if unit > 1 else ""))
    if not len(steps):
        return
    first, last = steps.min(), steps.max()
    axis.set_xscale("symlog", linthresh=first, linscale=0.5)
    axis.set_xlim(-0.2 * first, 1.4 * last)
    ticks = [digit * 10**power for power in range(9) for digit in (1, 2, 5)]
    axis.set_xticks([0, *(tick for tick in ticks if first <= tick <= last)])
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
