"""Figures of kind curves: error rates against steps of fine-tuning (section 5.3.3), and their data as CSV."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from bertfit.artefacts import figure_style
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.artefacts.paper_comparison import write_csv
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.evaluation import predictions
from bertfit.evaluation.results_file import number
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.job_specs import LineSpec, LinesSpec

PANELS = {"train": "Training error (running)", "test": "Test error"}
_PAPERS_NAME = {"train": "train", "test": "dev"}  # the paper calls the test set dev in this figure
COLUMNS = (
    "line", "panel", "step", "epoch", "mean", "low", "high", "n", "diverged", "published", "status", "reason",
)  # fmt: skip
DIVERGED: dict[str, Any] = {"marker": "x", "markersize": 6, "markeredgewidth": 1.5, "linestyle": "none"}
_TICKS = (0, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def build(spec: LinesSpec, *, published: Path, files: FigureFiles) -> None:
    """Draw training error (running mean) and test error, in percent, against steps: two panels, a line per recipe.

    A line is the mean over seeds, its band their range. Hollow markers are values digitised from the paper's figure
    (means over a range of steps, drawn at its middle), only if the study is ``comparable``. The CSV has `COLUMNS`, with
    the number of seeds n; published values have separate rows, and so have lines without runs, with the reason. These
    are also listed below the panels, or in them if there is no line at all.

    A run that diverged goes on with the errors of the constant guess: at the steps at which other seeds of its line are
    evaluated, or to the last step of the figure if all have diverged. A cross is where it is first in the mean, and the
    column ``diverged`` counts such runs.

    Raises `UserError` if a history lacks a seed.
    """
    empty = [line for line in spec.lines if line.reason]
    lines = [line for line in spec.lines if not line.reason]
    paper = pd.DataFrame()
    if spec.comparable:
        paper = _digitised(lines, spec.artefact, published_values(published, spec.key))
    missing = [{"line": line.label, "status": line.status, "reason": line.reason} for line in empty]
    logs = {line.label: _histories(line) for line in lines}
    end = max((int(log["step"].max()) for log in logs.values()), default=0)
    measured = [_measured(label, log, end) for label, log in logs.items()]
    parts = [part.assign(status="ok") for part in (*measured, paper) if len(part)]
    parts += [pd.DataFrame(missing)] if missing else []
    frame = write_csv(pd.concat(parts, ignore_index=True), COLUMNS, files.csv)

    with figure_style.context():
        figure = Figure(figsize=(figure_style.PAGE, 2.9), layout="constrained")
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for axis, (panel, title) in zip(axes, PANELS.items(), strict=True):
            for index, line in enumerate(lines):
                _draw(axis, frame[(frame.line == line.label) & (frame.panel == panel)], index)
            axis.set_title(title)
            axis.set_xlabel("Steps")
            axis.set_xlim(left=0)
            if not lines:
                figure_style.explain_empty(axis, [line.reason for line in empty])
        if lines:
            if empty:
                _list_missing(figure, empty)
            _error_axis(axes[0], frame)
            _legend(figure, [line.label for line in lines], len(paper) > 0, bool(frame["diverged"].any()))
        figure_style.save(figure, files)


def _histories(line: LineSpec) -> pd.DataFrame:
    """The rows of a line's seeds."""
    logs = pd.concat([pd.read_csv(path) for path in line.histories], ignore_index=True)
    missing = sorted(set(line.seeds) - set(logs["seed"]))
    if missing or not line.seeds:
        raise UserError(f"{line.label}: no history of seed {missing} in {line.histories}")
    return logs[logs["seed"].isin(line.seeds)]


def _measured(label: str, logs: pd.DataFrame, end: int) -> pd.DataFrame:
    """Mean, range and number of seeds at every step of both panels; ``end`` is the last step of the figure."""
    parts = []
    for panel in PANELS:
        errors = _continued(logs.dropna(subset=[f"{panel}_error"]), end).groupby("step")
        part = errors[f"{panel}_error"].agg(mean="mean", low="min", high="max", n="size")
        part["epoch"], part["diverged"] = errors["epoch"].first(), errors["diverged"].sum()
        parts.append(part.reset_index().assign(line=label, panel=panel))
    return pd.concat(parts, ignore_index=True)


def _continued(logs: pd.DataFrame, end: int) -> pd.DataFrame:
    """The rows of a panel, in which runs that diverged go on with the errors of the constant guess."""
    diverged = predictions.diverged(logs)
    evaluated, guesses = logs[~diverged], logs[diverged]
    steps = set(evaluated["step"])
    if set(guesses["seed"]) == set(logs["seed"]):
        steps |= {int(guesses["step"].max()), end}
    rows = [evaluated.assign(diverged=0)]
    for guess in guesses.to_dict("records"):
        later = [step for step in sorted(steps) if step >= guess["step"]]
        epochs = [step * guess["epoch"] / guess["step"] for step in later]
        rows.append(pd.DataFrame([guess] * len(later)).assign(step=later, epoch=epochs, diverged=1))
    return pd.concat(rows, ignore_index=True)


def _digitised(lines: Sequence[LineSpec], artefact: Artefact, paper: dict[tuple[str, str], str]) -> pd.DataFrame:
    """Published values of these lines, at the middle of the steps that they are averaged over."""
    rows = []
    for line in lines:
        for panel, name in _PAPERS_NAME.items():
            for (row, column), value in paper.items():
                steps = re.fullmatch(r"iterations (\d+)-(\d+) \((.+)\)", column)
                if (
                    steps
                    and row == f"{line.published} {name} error, digitised"
                    and steps[3] in artefact.columns.values()
                ):
                    step = (int(steps[1]) + int(steps[2])) // 2
                    rows.append({"line": line.label, "panel": panel, "step": step, "published": number(value)})
    return pd.DataFrame(rows)


def _draw(axis: Axes, points: pd.DataFrame, index: int) -> None:
    ours, look = points.dropna(subset=["mean"]), figure_style.line(index)
    dots = "." if len(ours) <= 20 else "none"  # mark the evaluations if there are few
    axis.plot(ours["step"], ours["mean"], marker=dots, markersize=4, zorder=3, **look)
    first = ours[ours["diverged"].diff().fillna(ours["diverged"]) > 0]
    axis.plot(first["step"], first["mean"], color=look["color"], zorder=5, **DIVERGED)
    axis.fill_between(ours["step"], ours["low"], ours["high"], color=look["color"], alpha=0.18, linewidth=0)
    axis.plot(
        points["step"], points["published"], zorder=4, **{**look, **figure_style.hollow(index), "linestyle": "none"}
    )


def _error_axis(axis: Axes, frame: pd.DataFrame) -> None:
    """Scale the axis linearly up to 1 % and logarithmically above, so that 50 % and 0.1 % are both readable."""
    top = frame[["high", "published"]].max().max()
    axis.set_yscale("symlog", linthresh=1, linscale=0.6)
    axis.set_ylim(0, 1.25 * top)
    axis.set_yticks([tick for tick in _TICKS if tick <= 1.25 * top])
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.set_ylabel("Error (%)")


def _list_missing(figure: Figure, missing: Sequence[LineSpec]) -> None:
    """Below the panels: the lines without runs, and the reasons."""
    about: dict[str, list[str]] = {}
    for line in missing:
        about.setdefault(f"{line.status}, {line.reason}", []).append(line.label)
    text = "; ".join(f"{', '.join(names)}: {why}" for why, names in about.items())
    figure.supxlabel(textwrap.fill(text, 130), x=0.01, ha="left", fontsize=6.5)


def _legend(figure: Figure, labels: Sequence[str], published: bool, diverged: bool) -> None:
    """Legend above the panels, where it covers no line."""
    handles: list[Any] = [Line2D([], [], **figure_style.line(index)) for index in range(len(labels))]
    names = list(labels)
    if published:
        handles.append(
            tuple(Line2D([], [], linestyle="none", **figure_style.hollow(index)) for index in range(len(labels)))
        )
        names.append("published, digitised")
    if diverged:
        handles.append(Line2D([], [], color="0.3", **DIVERGED))
        names.append("a run diverged: constant guess from here on")
    together = {tuple: HandlerTuple(ndivide=None, pad=0.4)}
    columns = (len(names) + 1) // 2 if len(names) > 4 else len(names)
    figure.legend(handles, names, loc="outside upper center", ncols=columns, handlelength=3.2, handler_map=together)
