"""Figures of kind sizes: test error against the share of the training set that is used (section 5.6, few-shot)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from bertfit.artefacts import figure_style
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.artefacts.paper_comparison import DIFFERENCE, compare_with_paper, paper_row, write_csv
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.job_specs import CellSpec, CellsSpec

COLUMNS = (
    "row", "size", "share", "n", "mean", "std", "low", "high", "mean_best", "published", *DIFFERENCE, "status",
    "reason", "note",
)  # fmt: skip


def build(spec: CellsSpec, *, results: Path, published: Path, files: FigureFiles) -> None:
    """Draw the test error of the last epoch, in percent, against the share of the training set, with a line per row.

    A line is the mean over seeds, each of which draws its own examples; whiskers are the 95 % interval
    (`results_file.ErrorSummary`), the band is one sample standard deviation over the draws to either side. Hollow
    markers are the paper's values (best epochs), only if the study is ``comparable``. The CSV has `COLUMNS`, shares and
    errors in percent, the others as in `error_table`; cells that are not ``ok`` are not drawn and have a reason in the
    CSV. If no cell is ``ok``, the figure shows the reasons. ``results``: written by `score_runs.build`.

    Raises `UserError` if a run of an ``ok`` cell is not in ``results``.
    """
    cells, comparable = spec.cells, spec.comparable
    paper = published_values(published, spec.key)

    def printed_error(cell: CellSpec) -> str | None:
        column = f"{cell.size}% of the {cell.column} training examples"
        return paper.get((paper_row(spec.artefact, cell.row), column))

    compared = compare_with_paper(cells, results, printed_error, comparable)
    frame = write_csv([record for record, _ in compared], COLUMNS, files.csv)

    with figure_style.context():
        figure = Figure(figsize=(figure_style.COLUMN, 2.9), layout="constrained")
        axis = figure.subplots()
        where = f" on {cells[0].column}" if cells else ""
        axis.set_ylabel(f"Test error{where} (%)")
        axis.set_xlabel("Share of the training set (%)")
        drawn = frame.dropna(subset=["mean", "share"]).sort_values("share")
        if len(drawn):
            labels = [row for row in dict.fromkeys(frame["row"]) if row in set(drawn["row"])]
            printed = frame.dropna(subset=["published", "share"]) if comparable else frame[:0]
            for index, label in enumerate(labels):
                _draw(axis, drawn[drawn.row == label], printed[printed.row == label], index)
            _share_axis(axis, sorted(set(drawn["share"]) | set(printed["share"])))
            axis.set_ylim(bottom=0)
            axis.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
            _legend(figure, labels, len(printed) > 0)
        else:
            figure_style.explain_empty(axis, [cell.reason for cell in cells])
        figure_style.save(figure, files)


def _draw(axis: Axes, ours: pd.DataFrame, published: pd.DataFrame, index: int) -> None:
    look = figure_style.line(index)
    whiskers = [ours["mean"] - ours["low"], ours["high"] - ours["mean"]]
    axis.errorbar(
        ours["share"], ours["mean"], yerr=whiskers, elinewidth=0.8, capsize=2, zorder=3, **figure_style.dots(index)
    )
    spread = ours["std"].fillna(0)
    low, high = (ours["mean"] - spread).clip(lower=0), ours["mean"] + spread
    axis.fill_between(ours["share"], low, high, color=look["color"], alpha=0.18, linewidth=0)
    axis.plot(published["share"], published["published"], linestyle="none", zorder=4, **figure_style.hollow(index))


def _share_axis(axis: Axes, shares: Sequence[float]) -> None:
    """Logarithmic axis with a tick at each share, numbered if there is room; the largest share always is."""
    axis.set_xscale("log")
    axis.set_xlim(shares[0] / 1.3, shares[-1] * 1.3)
    span = shares[-1] / shares[0]
    names: list[str] = []
    last = 0.0
    room = span**0.07  # the width of a number is about 7 % of the axis
    for share in shares:
        numbered = share == shares[-1] or last * room <= share <= shares[-1] / room
        names.append(f"{share:.3g}" if numbered else "")
        last = share if numbered else last
    axis.xaxis.set_major_locator(FixedLocator(list(shares)))
    axis.xaxis.set_major_formatter(FixedFormatter(names))
    axis.xaxis.set_minor_locator(NullLocator())


def _legend(figure: Figure, labels: Sequence[str], published: bool) -> None:
    handles = [Line2D([], [], **figure_style.dots(index)) for index in range(len(labels))]
    names = list(labels)
    if published:
        handles.append(Line2D([], [], linestyle="none", **figure_style.hollow(None)))
        names.append("published (best epoch)")
    figure.legend(
        handles, names, loc="outside upper center", ncols=2, handlelength=2.8, columnspacing=1.2, fontsize=7.5
    )
