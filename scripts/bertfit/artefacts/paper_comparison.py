"""Comparison with the paper's values, for all artefacts that show runs: summaries, records, notes, CSV files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow.parquet as pq

from bertfit.config.study_schema import Artefact
from bertfit.core.files import write_text
from bertfit.core.formatting import signed, spreadsheet_safe_frame
from bertfit.evaluation.results_file import ErrorSummary, number, summarise_cell
from bertfit.experiments.job_specs import CellSpec

NOT_COMPARABLE = "The corpora or the encoder are not the paper's: published values are for orientation, not comparison."
DIFFERENCE_MEANS = (
    "Difference: best epoch less published. In brackets: its 95% interval if the published value is one more run on "
    "the same test examples, which needs several seeds, none of them failed. A star: 0 is outside, so that seeds do "
    "not explain the difference."
)
QUOTED, RUN = "Quoted: earlier systems, published numbers, not run", "Run by this workflow"
"""names of the groups of rows in a table with earlier systems"""
HALF_DIGIT = 0.005
"""half of the last digit that the paper prints, in percent"""
DIFFERENCE = ("delta_best", "delta_low", "delta_high", "agrees")
"""columns of `difference`"""
INTEGERS = ("n", "step", "steps", "published_steps", "failed", "diverged")


def summaries(cells: Sequence[CellSpec], results: Path) -> list[ErrorSummary | None]:
    """The summary of each cell's runs, None if its status is not ``ok``. ``results``: written by `score_runs.build`.

    Raises `UserError` if a run of an ``ok`` cell is not in ``results``.
    """
    frame = pq.read_table(results).to_pandas()
    return [summarise_cell(frame, cell) for cell in cells]


def compare_with_paper(
    cells: Sequence[CellSpec],
    results: Path,
    published: Callable[[CellSpec], str | None],
    comparable: bool,
) -> list[tuple[dict[str, Any], ErrorSummary | None]]:
    """For each cell its record and its summary (see `summaries`).

    A record holds the fields of the cell and of its summary, the ``published`` value as a number, and, if the study is
    ``comparable``, the fields of `difference`.
    """
    compared = []
    for cell, summary in zip(cells, summaries(cells, results), strict=True):
        record: dict[str, Any] = {**cell.model_dump(), "published": (value := number(published(cell)))}
        if summary is not None:
            record |= vars(summary) | (difference(summary, value) if comparable else {})
        compared.append((record, summary))
    return compared


def difference(summary: ErrorSummary, published: float) -> dict[str, Any]:
    """The fields `DIFFERENCE` of a record; None where there is no published value, or no interval.

    ``delta_best`` is mean_best - published, ``delta_low`` and ``delta_high`` its 95 % interval if the published value
    is one more run (`further_run.prediction_interval`); it is never narrower than the rounding of the published value.
    ``agrees`` says whether it contains 0: ``yes`` or ``no``.
    """
    if isnan(published):
        return dict.fromkeys(DIFFERENCE)
    delta = summary.mean_best - published
    if isnan(summary.run_low):
        return dict.fromkeys(DIFFERENCE) | {"delta_best": delta}
    low = min(summary.run_low - published, delta - HALF_DIGIT)
    high = max(summary.run_high - published, delta + HALF_DIGIT)
    return dict(zip(DIFFERENCE, (delta, low, high, "yes" if low <= 0 <= high else "no"), strict=True))


def difference_text(record: Mapping[str, Any]) -> tuple[str, str]:
    """The difference of a record in a table, with a star if it is none of seeds, and what stands below it.

    That is the interval, or the reason why there is none.
    """
    if record.get("delta_best") is None:
        return "–", ""
    text = signed(record["delta_best"])
    if record.get("agrees"):
        star = "*" if record["agrees"] == "no" else ""
        return f"{text}{star}", f"[{signed(record['delta_low'])}, {signed(record['delta_high'])}]"
    return text, ("(one seed)" if record["n"] == 1 else "(failed runs)") if record.get("n") else ""


def agreement(records: Iterable[Mapping[str, Any]]) -> str:
    """A note on the cells of a table beside the published values; empty if none could be compared."""
    compared = [record for record in records if record.get("agrees")]
    if not compared:
        return ""
    outside = [f"{record['row']}, {record['column']}" for record in compared if record["agrees"] == "no"]
    named = f" Not: {'; '.join(outside)}." if outside else ""
    return f"{len(compared) - len(outside)} of {len(compared)} published cells agree.{named}"


def interval(low: float, high: float) -> str:
    """A 95% interval in brackets, of values in percent."""
    return f"[{low:.2f}, {high:.2f}]"


def lowest_cells(cells: Iterable[tuple[str, str, float, bool]]) -> set[tuple[str, str]]:
    """(row, column) of the cells in bold, from (row, column, mean, `ErrorSummary.among_lowest`) of all cells.

    In each column with several rows: the lowest mean, and all others that are not shown to be worse.
    """
    columns: dict[str, list[tuple[str, float, bool]]] = {}
    for row, column, mean, among_lowest in cells:
        columns.setdefault(column, []).append((row, mean, among_lowest))
    bold = set()
    for column, rows in columns.items():
        lowest = min(mean for _, mean, _ in rows)
        bold |= {(row, column) for row, mean, among in rows if len(rows) > 1 and (among or mean == lowest)}
    return bold


def paper_row(artefact: Artefact, row: str) -> str:
    """The name of a row in published.csv."""
    declared = artefact.rows.get(row)
    return declared.published if declared and declared.published else row


def reasons(cells: Sequence[CellSpec]) -> list[str]:
    """A note for each distinct (column, status, reason) with a reason; lists the rows if others have runs."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        if cell.reason:
            rows.setdefault((cell.column, cell.status, cell.reason), []).append(cell.row)
    notes = []
    for (column, status, reason), empty in rows.items():
        run = {cell.row for cell in cells if cell.column == column and cell.status == "ok"}
        which = f" ({', '.join(empty)})" if run else ""
        notes.append(f"{column}{which}: {status}; {reason}")
    return notes


def remarks(cells: Sequence[CellSpec]) -> list[str]:
    """A note for each distinct (row, note) of cells that have one."""
    return list(dict.fromkeys(f"{cell.row}: {cell.note}" for cell in cells if cell.note))


def relative(target: Path, page: Path) -> str:
    """Relative URL of a file or folder on a page."""
    return quote(Path(os.path.relpath(target, page.parent)).as_posix())


def write_csv(records: Sequence[Mapping[str, Any]] | pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """Write these columns of the records, with four decimals, missing values empty; return them.

    Texts of a study, such as names of rows, are escaped for spreadsheets (`formatting.spreadsheet_safe`).
    """
    frame = pd.DataFrame(records, columns=list(columns))
    written = frame.astype({name: "Int64" for name in INTEGERS if name in frame})
    write_text(path, spreadsheet_safe_frame(written).to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    return frame
