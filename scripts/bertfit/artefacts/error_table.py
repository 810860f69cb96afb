"""Tables of error rates beside the published ones, as CSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bertfit.artefacts import average_improvement
from bertfit.artefacts.average_improvement import Improvement
from bertfit.artefacts.paper_comparison import (
    DIFFERENCE,
    DIFFERENCE_MEANS,
    NOT_COMPARABLE,
    QUOTED,
    RUN,
    agreement,
    compare_with_paper,
    difference_text,
    interval,
    lowest_cells,
    paper_row,
    reasons,
    remarks,
    write_csv,
)
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow, TableFiles, write
from bertfit.config.study_schema import Artefact
from bertfit.evaluation.results_file import ErrorSummary, number
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.job_specs import CellSpec, CellsSpec
from bertfit.statistics.failed_runs import CHANCE_SHARE

COLUMNS = (
    "row", "column", "n", "mean", "std", "low", "high", "mean_best", "failed", "p_lowest", "published", *DIFFERENCE,
    "status", "note",
)  # fmt: skip
PARTS = ("last epoch", "best epoch", "published")
DELTA = "difference"
"""the part of comparable studies"""


def build(spec: CellsSpec, *, results: Path, published: Path, files: TableFiles) -> None:
    """Write a table of test error rates in percent; rows and columns in the order of the cells.

    The CSV has `COLUMNS`: number of seeds n, fields of `results_file.ErrorSummary`, the paper's value for (``key``,
    row, column), the `paper_comparison.difference` from it if the study is ``comparable``, status and note of the cell.
    Missing values are empty; the other formats list the cells without runs and the reasons. The artefact's ``average``
    is a further column, in percent, of the last and of the best epoch, without n; its delta_best has no interval and is
    empty if ours and the paper's are over different corpora. ``results``: written by `score_runs.build`.

    Raises `UserError` if a run of an ``ok`` cell is not in ``results``.
    """
    artefact, cells, comparable = spec.artefact, spec.cells, spec.comparable
    paper = published_values(published, spec.key)
    labels = list(dict.fromkeys(cell.column for cell in cells))
    lines: dict[str, dict[str, CellSpec]] = {}
    summaries: dict[str, dict[str, ErrorSummary]] = {}
    records: dict[str, list[dict[str, Any]]] = {}

    def printed(cell: CellSpec) -> str | None:
        return paper.get((paper_row(artefact, cell.row), cell.column))

    compared = compare_with_paper(cells, results, printed, comparable)
    for cell, (record, summary) in zip(cells, compared, strict=True):
        row, column = cell.row, cell.column
        lines.setdefault(row, {})[column] = cell
        summaries.setdefault(row, {})
        if summary is not None:
            summaries[row][column] = summary
        records.setdefault(row, []).append(record)
    improvements = average_improvement.improvements(summaries, artefact.average.over) if artefact.average else {}
    notes, titles = _notes(summaries, artefact, comparable), labels
    if artefact.average:
        for row in records:
            records[row].append(_average_record(artefact, row, improvements.get(row), paper, comparable))
        notes += average_improvement.notes(artefact.average.title, artefact.average.over, improvements, labels)
        titles = [*labels, artefact.average.title]
    listed = [record for line in records.values() for record in line]
    write_csv(listed, COLUMNS, files.csv)
    notes += [note for note in [agreement(listed)] if note]

    bold = lowest_cells(
        (row, column, summary.mean, summary.among_lowest)
        for row, line in summaries.items()
        for column, summary in line.items()
    )
    quoted = {cell.row for cell in cells if cell.status == "quoted"}
    rows = []
    for row, line in lines.items():
        places = []
        for label in labels:
            places += _errors(line.get(label), summaries[row].get(label), (row, label) in bold)
            places += _published(paper, artefact, row, label, records[row], comparable)
        if artefact.average:
            places += _average(improvements.get(row), row in quoted or row == artefact.average.over)
            places += _published(paper, artefact, row, artefact.average.title, records[row], comparable)
        rows.append(GridRow(row, places, (QUOTED if row in quoted else RUN) if quoted else ""))
    grid = Grid(dict.fromkeys(titles, ""), [*PARTS, *([DELTA] if comparable else [])], rows)
    notes += reasons(cells) + remarks(cells)
    write(grid, spec, notes=notes, files=files)


def _average_record(
    artefact: Artefact,
    row: str,
    improvement: Improvement | None,
    paper: Mapping[tuple[str, str], str],
    comparable: bool,
) -> dict[str, Any]:
    """The row of an average in the CSV."""
    assert artefact.average is not None
    over, title, name = artefact.average.over, artefact.average.title, paper_row(artefact, row)
    value = number(paper.get((name, title)))
    record: dict[str, Any] = {"row": row, "column": title, "published": value}
    if improvement is None:
        status = "quoted" if artefact.rows[row].quoted else "not available"
        return record | {"status": "not applicable" if row == over else status}
    printed = average_improvement.published(paper, paper_row(artefact, over), name)
    same_columns = set(improvement.columns) == set(printed.columns)
    delta = improvement.best - value if comparable and same_columns and not isnan(value) else None
    return record | {"mean": improvement.last, "mean_best": improvement.best, "delta_best": delta, "status": "ok"}


def _errors(cell: CellSpec | None, summary: ErrorSummary | None, bold: bool) -> list[GridCell]:
    """Errors of the last and of the best epoch, or the status of a cell without runs; empty for quoted systems."""
    if cell is None or cell.status == "quoted":
        return [GridCell(), GridCell()]
    if summary is None:
        return [GridCell(cell.status), GridCell("–")]
    spread = f" ± {summary.std:.2f}" if summary.n > 1 else ""
    links = tuple(quote(link) for link in cell.runs)
    detail = interval(summary.low, summary.high)
    return [GridCell(f"{summary.mean:.2f}{spread}", bold, detail, links), GridCell(f"{summary.mean_best:.2f}")]


def _average(improvement: Improvement | None, not_applicable: bool) -> list[GridCell]:
    if improvement is None:
        return [GridCell("–" if not_applicable else "not available"), GridCell("–")]
    return [GridCell(f"{improvement.last:.2f}"), GridCell(f"{improvement.best:.2f}")]


def _published(
    paper: Mapping[tuple[str, str], str],
    artefact: Artefact,
    row: str,
    column: str,
    records: Sequence[Mapping[str, Any]],
    comparable: bool,
) -> list[GridCell]:
    """The paper's value as printed, and the difference from it if the study is ``comparable``.

    The paper prints ``/`` or ``-`` for missing values.
    """
    value = paper.get((paper_row(artefact, row), column), "–")
    cells = [GridCell("–" if value in ("/", "-") else value)]
    if comparable:
        text, detail = difference_text(next((record for record in records if record["column"] == column), {}))
        cells.append(GridCell(text, detail=detail))
    return cells


def _notes(summaries: Mapping[str, Mapping[str, ErrorSummary]], artefact: Artefact, comparable: bool) -> list[str]:
    """Definitions of the numbers in a table of error rates."""
    baselines = [row for row in summaries if row in artefact.rows and artefact.rows[row].baseline]
    seeds = [summary.n for row, line in summaries.items() if row not in baselines for summary in line.values()]
    many = f"{min(seeds)} to {max(seeds)}" if len(set(seeds)) > 1 else str(max(seeds, default=0))
    return [
        f"Test error in percent; seeds per cell: {many}; mean ± sample standard deviation over seeds.",
        *_intervals({summary.n for line in summaries.values() for summary in line.values()}),
        "The last epoch gives the unbiased estimate. The best epoch has the lowest test error, as in the official "
        "code, and is optimistically biased; runs that hold out a validation share select it there. The published "
        "values are of best epochs.",
        "Bold: the lowest last-epoch error of a column, and every other that is not shown to be worse (paired over "
        "seeds and test examples, p at least 0.05) and has no failed run.",
        *_failures(summaries),
        *(f"{row}: no encoder and deterministic training, so one run and no standard deviation." for row in baselines),
        *([DIFFERENCE_MEANS] if comparable else [NOT_COMPARABLE]),
    ]


def _failures(summaries: Mapping[str, Mapping[str, ErrorSummary]]) -> list[str]:
    """A note on the cells with failed runs, if there are any."""
    cells = [
        f"{row}, {column}: {summary.failed} of {summary.n}"
        for row, line in summaries.items()
        for column, summary in line.items()
        if summary.failed
    ]
    bound = f"{CHANCE_SHARE:.0%} of the error of always guessing the most frequent class"
    meaning = f"error nearer to chance than to the cell's best run, or all at {bound}; also as a mean of classes"
    diverged = "Where training diverged, the last error is that of guessing the most frequent class."
    return [f"Failed runs ({meaning}): {'; '.join(cells)}. {diverged}"] if cells else []


def _intervals(seeds: Collection[int]) -> list[str]:
    """Definitions of the intervals of cells with these numbers of seeds."""
    several = "In brackets: 95% interval of the mean error, over other seeds and other test examples."
    single = "In brackets for a single run: Wilson's 95% interval, of that trained model on other test examples."
    return [note for note, needed in ((several, max(seeds, default=0) > 1), (single, 1 in seeds)) if needed]
