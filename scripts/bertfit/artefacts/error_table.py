"""Tables of error rates: ours beside the published ones, as CSV for machines and in three forms for readers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bertfit.artefacts import average_improvement
from bertfit.artefacts.average_improvement import Improvement
from bertfit.artefacts.paper_comparison import (
    OTHER_WORLD,
    beside,
    paper_row,
    reasons,
    remarks,
    within_noise,
    write_csv,
)
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow, write
from bertfit.config.study_schema import Artefact
from bertfit.evaluation.results_file import ErrorSummary, number
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.job_specs import CellSpec

COLUMNS = (
    "row", "column", "n", "mean", "std", "low", "high", "mean_best", "published", "delta_best", "status", "note",
)  # fmt: skip
PARTS = ("last epoch", "best epoch", "published")
QUOTED = "Quoted: earlier systems, published numbers, not run"
RUN = "Run by this workflow"


def build(
    *,
    artefact: Artefact,
    key: str,
    cells: Sequence[CellSpec],
    results: Path,
    published: Path,
    comparable: bool,
    csv: Path,
    md: Path,
    tex: Path,
    html: Path,
) -> None:
    """Write a table of test error rates in percent; rows and columns in the order of ``cells``.

    The CSV has `COLUMNS`: n seeds, `results_file.ErrorSummary`, the paper's value for (``key``, row, column), the
    difference mean_best - published where the study is ``comparable``, and the cell's status and note. What does not
    exist is empty; the other forms say which cells do not exist and why. The artefact's ``average`` is a column more:
    in percent, of the last and of the best epoch, without n; its delta_best is empty where ours and the paper's go over
    different corpora. ``results`` is what `score_runs.build` wrote.

    Raises `UserError` where a run of an ``ok`` cell is not in ``results``.
    """
    paper = published_values(published, key)
    labels = list(dict.fromkeys(cell.column for cell in cells))
    lines: dict[str, dict[str, CellSpec]] = {}
    found: dict[str, dict[str, ErrorSummary]] = {}
    records: dict[str, list[dict[str, Any]]] = {}

    def theirs(cell: CellSpec) -> str | None:
        return paper.get((paper_row(artefact, cell.row), cell.column))

    for cell, (record, mine) in zip(cells, beside(cells, results, theirs, comparable), strict=True):
        row, column = cell.row, cell.column
        lines.setdefault(row, {})[column] = cell
        found.setdefault(row, {})
        if mine is not None:
            found[row][column] = mine
        records.setdefault(row, []).append(record)
    gained = average_improvement.improvements(found, artefact.average.over) if artefact.average else {}
    notes, titles = _notes(found, artefact, comparable), labels
    if artefact.average:
        for row in records:
            records[row].append(_average_record(artefact, row, gained.get(row), paper, comparable))
        notes += average_improvement.notes(artefact.average.title, artefact.average.over, gained, labels)
        titles = [*labels, artefact.average.title]
    write_csv([record for line in records.values() for record in line], COLUMNS, csv)

    bold = within_noise(
        (row, column, mine.mean, mine.low) for row, line in found.items() for column, mine in line.items()
    )
    quoted = {cell.row for cell in cells if cell.status == "quoted"}
    rows = []
    for row, line in lines.items():
        places = []
        for label in labels:
            places += _ours(line.get(label), found[row].get(label), (row, label) in bold)
            places.append(_printed(paper, paper_row(artefact, row), label))
        if artefact.average:
            places += _average(gained.get(row), row in quoted or row == artefact.average.over)
            places.append(_printed(paper, paper_row(artefact, row), artefact.average.title))
        rows.append(GridRow(row, places, (QUOTED if row in quoted else RUN) if quoted else ""))
    grid = Grid(dict.fromkeys(titles, ""), list(PARTS), rows)
    notes += reasons(cells) + remarks(cells)
    write(grid, key=key, artefact=artefact, notes=notes, md=md, tex=tex, html=html)


def _average_record(
    artefact: Artefact, row: str, mine: Improvement | None, paper: Mapping[tuple[str, str], str], comparable: bool
) -> dict[str, Any]:
    """The CSV's row of one average."""
    assert artefact.average is not None
    over, title, name = artefact.average.over, artefact.average.title, paper_row(artefact, row)
    value = number(paper.get((name, title)))
    record: dict[str, Any] = {"row": row, "column": title, "published": value}
    if mine is None:
        none = "quoted" if artefact.rows[row].quoted else "not available"
        return record | {"status": "not applicable" if row == over else none}
    theirs = average_improvement.published(paper, paper_row(artefact, over), name)
    delta = mine.best - value if comparable and set(mine.columns) == set(theirs.columns) else None
    return record | {"mean": mine.last, "mean_best": mine.best, "delta_best": delta, "status": "ok"}


def _ours(cell: CellSpec | None, mine: ErrorSummary | None, bold: bool) -> list[GridCell]:
    """Last and best epoch of a cell, or what it is instead; a quoted one shows nothing of ours."""
    if cell is None or cell.status == "quoted":
        return [GridCell(), GridCell()]
    if mine is None:
        return [GridCell(cell.status), GridCell("–")]
    spread = f" ± {mine.std:.2f}" if mine.n > 1 else ""
    links = tuple(quote(link) for link in cell.runs)
    interval = f"[{mine.low:.2f}, {mine.high:.2f}]"
    return [GridCell(f"{mine.mean:.2f}{spread}", bold, interval, links), GridCell(f"{mine.mean_best:.2f}")]


def _average(mine: Improvement | None, none_due: bool) -> list[GridCell]:
    if mine is None:
        return [GridCell("–" if none_due else "not available"), GridCell("–")]
    return [GridCell(f"{mine.last:.2f}"), GridCell(f"{mine.best:.2f}")]


def _printed(paper: Mapping[tuple[str, str], str], row: str, column: str) -> GridCell:
    """The paper's value as printed; it writes ``/`` or ``-`` where it has none."""
    value = paper.get((row, column), "–")
    return GridCell("–" if value in ("/", "-") else value)


def _notes(found: Mapping[str, Mapping[str, ErrorSummary]], artefact: Artefact, comparable: bool) -> list[str]:
    """What the numbers of a table of error rates are."""
    baselines = [row for row in found if row in artefact.rows and artefact.rows[row].baseline]
    seeds = [mine.n for row, line in found.items() if row not in baselines for mine in line.values()]
    many = f"{min(seeds)} to {max(seeds)}" if len(set(seeds)) > 1 else str(max(seeds, default=0))
    return [
        f"Test error in percent; seeds per cell: {many}; mean ± sample standard deviation over seeds.",
        *_intervals({mine.n for line in found.values() for mine in line.values()}),
        "Last epoch is the clean number. Best epoch is the one with the lowest test error, as in the official code, "
        "which flatters; runs that hold out a validation share choose it there. The published values are best epochs.",
        "Bold: the lowest last-epoch error of a column, and every other whose interval contains it.",
        *(f"{row}: no encoder and no chance in its training, so one run and no deviation." for row in baselines),
        *([] if comparable else [OTHER_WORLD]),
    ]


def _intervals(seeds: Collection[int]) -> list[str]:
    """What the intervals of cells of so many seeds are about."""
    several = "In brackets: 95% interval of the mean error, over other seeds and other test examples."
    one = "In brackets where there is one run: Wilson's 95% interval, of that trained model on other test examples."
    return [note for note, there in ((several, max(seeds, default=0) > 1), (one, 1 in seeds)) if there]
