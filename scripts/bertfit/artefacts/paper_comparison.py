"""Our numbers beside the paper's: what every artefact that is made of runs does with its cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow.parquet as pq

from bertfit.config.study_schema import Artefact
from bertfit.core.files import write_text
from bertfit.core.formatting import spreadsheet_safe_frame
from bertfit.evaluation.results_file import ErrorSummary, number, summarise
from bertfit.experiments.job_specs import CellSpec

OTHER_WORLD = "The corpora or the encoder are not the paper's: published values are for orientation, not comparison."


INTEGERS = ("n", "step", "steps", "published_steps")


def summaries(cells: Sequence[CellSpec], results: Path) -> list[ErrorSummary | None]:
    """The summary of each cell's runs, None where it is not ``ok``; ``results`` is what `score_runs.build` wrote.

    Raises `UserError` where a run of an ``ok`` cell is not in ``results``.
    """
    frame = pq.read_table(results).to_pandas()
    return [
        summarise(frame, cell.corpus, cell.encoder or "", cell.recipe or "", cell.seeds)
        if cell.status == "ok"
        else None
        for cell in cells
    ]


def beside(
    cells: Sequence[CellSpec],
    results: Path,
    published: Callable[[CellSpec], str | None],
    comparable: bool,
) -> list[tuple[dict[str, Any], ErrorSummary | None]]:
    """For each cell its record and its summary (see `summaries`).

    A record is the cell, its summary's numbers, the ``published`` value as a number, and where the study is
    ``comparable`` the difference ``delta_best``, mean_best - published.
    """
    found = []
    for cell, mine in zip(cells, summaries(cells, results), strict=True):
        record: dict[str, Any] = {**cell.model_dump(), "published": (value := number(published(cell)))}
        if mine is not None:
            record |= vars(mine) | {"delta_best": mine.mean_best - value if comparable else None}
        found.append((record, mine))
    return found


def within_noise(found: Iterable[tuple[str, str, float, float]]) -> set[tuple[str, str]]:
    """(row, column) of what stands in bold, of (row, column, mean, low end of its interval).

    Of each column with a choice the lowest mean, and every other whose interval contains it.
    """
    columns: dict[str, list[tuple[str, float, float]]] = {}
    for row, column, mean, low in found:
        columns.setdefault(column, []).append((row, mean, low))
    bold = set()
    for column, rows in columns.items():
        lowest = min(mean for _, mean, _ in rows)
        bold |= {(row, column) for row, _, low in rows if len(rows) > 1 and low <= lowest}
    return bold


def paper_row(artefact: Artefact, row: str) -> str:
    """The name of a row in published.csv."""
    declared = artefact.rows.get(row)
    return declared.published if declared and declared.published else row


def reasons(cells: Sequence[CellSpec]) -> list[str]:
    """A note for each distinct (column, status, reason) that has a reason; names its rows where others are filled."""
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
    """Link from a page to a file or folder."""
    return quote(Path(os.path.relpath(target, page.parent)).as_posix())


def write_csv(records: Sequence[Mapping[str, Any]] | pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """Write these columns of the records, with four decimals and empty where there is nothing; return them.

    No text of a study, such as the name of a row, is a formula for a spreadsheet (`formatting.spreadsheet_safe`).
    """
    frame = pd.DataFrame(records, columns=list(columns))
    written = frame.astype({name: "Int64" for name in INTEGERS if name in frame})
    write_text(path, spreadsheet_safe_frame(written).to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    return frame
