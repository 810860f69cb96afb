"""The study's tables and figures as the report shows them: the numbers of their CSV, and links to the runs behind them.

Addresses (``run``) are those of `report_jobs.address`; numbers are error rates in percent unless a table says
otherwise.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bertfit.artefacts import corpus_statistics
from bertfit.artefacts.paper_comparison import QUOTED, RUN, difference_text, interval, lowest_cells
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow
from bertfit.core.errors import UserError
from bertfit.core.formatting import signed, spreadsheet_safe
from bertfit.experiments.summary_specs import ReportedArtefact, ReportedCell, ReportSpec
from bertfit.statistics.significance import LEVEL

_NAMES = ("row", "column", "status", "reason", "encoder", "mix", "note", "agrees")


@dataclass(frozen=True)
class Figure:
    """A picture with its text alternative; ``runs``: name of a line or point and address of the runs behind it."""

    source: str
    alt: str
    runs: list[tuple[str, str]]


@dataclass(frozen=True)
class ShownArtefact:
    """A ``table`` or a ``figure``, and ``notes`` below it. ``csv``: address of its numbers."""

    key: str
    number: str
    title: str
    caption: str
    section: str
    csv: str
    table: Grid | None
    figure: Figure | None
    notes: list[str]


def artefacts(spec: ReportSpec, root: Path) -> list[ShownArtefact]:
    """Every artefact in the order of the paper. Raises `UserError` for a file that is missing or not an artefact's."""
    return [_artefact(artefact, spec.study.comparable, root) for artefact in spec.artefacts]


def _artefact(artefact: ReportedArtefact, comparable: bool, root: Path) -> ShownArtefact:
    path = root / ("figures" if artefact.figure else "tables") / f"{artefact.key}.csv"
    try:
        content = path.read_bytes()
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        return ShownArtefact(
            key=artefact.key,
            number=artefact.number,
            title=artefact.title,
            caption=artefact.caption,
            section=artefact.section,
            csv=data_address(content, "text/csv"),
            table=None if artefact.figure else _table(artefact, frame, comparable),
            figure=_figure(artefact, root) if artefact.figure else None,
            notes=_notes(artefact),
        )
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not the numbers of {artefact.number} ({error}); delete it and run again") from error


def _table(artefact: ReportedArtefact, frame: pd.DataFrame, comparable: bool) -> Grid:
    if artefact.kind == "table":
        return _error_rates(artefact, _records(frame), comparable)
    return _statistics(artefact, frame) if artefact.kind == "statistics" else _losses(_records(frame))


def _notes(artefact: ReportedArtefact) -> list[str]:
    if artefact.kind == "statistics":
        return [
            corpus_statistics.LEGEND,
            *(f"{artefact.columns[corpus]}: not available; {why}." for corpus, why in artefact.reasons.items()),
        ]
    if artefact.kind == "forgetting":
        return ["Nats per masked word piece; a change above 0 means forgetting."]
    remarks = [] if artefact.figure else [f"{cell.row}: {cell.note}." for cell in artefact.cells if cell.note]
    return [*_average(artefact), *_reasons(artefact.cells), *dict.fromkeys(remarks)]


# ---------------------------------------------------------------------------------------------- tables of error rates


def _error_rates(artefact: ReportedArtefact, records: list[dict[str, Any]], comparable: bool) -> Grid:
    """Ours (last epoch, with interval; best epoch), published, and the difference if the study is ``comparable``.

    Earlier systems, which are quoted, come first.
    """
    bold = lowest_cells(
        (record["row"], record["column"], record["mean"], not record["failed"] and (record["p_lowest"] or 0) >= LEVEL)
        for record in records
        if record["low"] is not None
    )
    declared = {(spreadsheet_safe(cell.row), spreadsheet_safe(cell.column)): cell for cell in artefact.cells}
    cells: dict[str, list[GridCell]] = {}
    for record in records:
        place = (str(record["row"]), str(record["column"]))
        cells.setdefault(place[0], []).extend(_cell(record, declared.get(place), place in bold, comparable))
    quoted = {str(record["row"]) for record in records if record["status"] == "quoted"}
    rows = [GridRow(label, parts, (QUOTED if label in quoted else RUN) if quoted else "")
            for label, parts in cells.items()]  # fmt: skip
    corpora = {spreadsheet_safe(title): f"#corpus-{corpus}" for corpus, title in artefact.columns.items()}
    columns = dict.fromkeys(str(record["column"]) for record in records)
    return Grid(
        columns={title: corpora.get(title, "") for title in columns},
        parts=["last epoch", "best epoch", "published", *(["difference"] if comparable else [])],
        rows=sorted(rows, key=lambda row: row.label not in quoted),
    )


def _cell(record: Mapping[str, Any], cell: ReportedCell | None, bold: bool, comparable: bool) -> Iterator[GridCell]:
    """The parts of one cell."""
    if record["mean"] is None:
        status = "" if record["status"] == "quoted" else str(record["status"])
        text = "–" if status == "not applicable" and not cell else status
        yield GridCell(text, tooltip=cell.reason if cell else "")
        yield GridCell("–" if status else "")
    else:
        spread = f" ± {record['std']:.2f}" if record["std"] is not None else ""
        detail = interval(record["low"], record["high"]) if record["low"] is not None else ""
        links = (f"#run/{cell.run}",) if cell and cell.run else ()
        yield GridCell(f"{record['mean']:.2f}{spread}", bold, detail, links)
        yield GridCell(f"{record['mean_best']:.2f}")
    yield GridCell("–" if record["published"] is None else f"{record['published']:.2f}")
    if comparable:
        text, detail = difference_text(record)
        yield GridCell(text, detail=detail)


def _average(artefact: ReportedArtefact) -> list[str]:
    """What the last column is, where it is a mean over the others (`average_improvement`)."""
    if not artefact.average:
        return []
    title, over = artefact.average.title, artefact.average.over
    return [f"{title}: mean over the corpora that both rows have of (e - error) / e, where e is the error of {over}."]


def _reasons(cells: Sequence[ReportedCell]) -> list[str]:
    """Why cells are empty: each reason once, with its columns."""
    columns: dict[str, list[str]] = {}
    for cell in cells:
        if cell.reason:
            columns.setdefault(f"{cell.status}; {cell.reason}", []).append(cell.column)
    return [f"{', '.join(dict.fromkeys(names))}: {reason}." for reason, names in columns.items()]


# ---------------------------------------------------------------------------------------------- other kinds


def _statistics(artefact: ReportedArtefact, frame: pd.DataFrame) -> Grid:
    """Statistics of corpora, below each the published value and how it compares."""
    cells: dict[str, list[GridCell]] = {}
    for record in frame.to_dict("records"):
        value, published, agrees = (str(record[key]) for key in ("value", "published", "agrees"))
        cell = GridCell(value or "not available", detail=corpus_statistics.detail(value, published, agrees))
        cells.setdefault(str(record["row"]), []).append(cell)
    columns = {title: f"#corpus-{corpus}" for corpus, title in artefact.columns.items()}
    return Grid(columns, [""], [GridRow(label, values) for label, values in cells.items()])


def _losses(records: list[dict[str, Any]]) -> Grid:
    """Loss on held-out text before and after each further pre-training, in nats per masked word piece."""
    rows = []
    for record in records:
        before, after = ("–" if record[key] is None else f"{record[key]:.3f}" for key in ("before", "after"))
        change = "–" if record["change"] is None else signed(record["change"], 3)
        texts = (f"{int(record['steps']):,}", before, after if record["status"] == "ok" else record["status"], change)
        rows.append(GridRow(record["row"], [GridCell(text) for text in texts], link=f"#encoder/{record['encoder']}"))
    return Grid(dict.fromkeys(("steps", "loss before", "loss after", "change"), ""), [""], rows)


def _figure(artefact: ReportedArtefact, root: Path) -> Figure:
    """The picture, and the runs behind its lines or points."""
    runs = {}
    for cell in artefact.cells:
        size = f" at {cell.size}" if cell.size else ""
        if cell.run:
            runs[f"{cell.row}{size}"] = cell.run
    content = (root / "figures" / f"{artefact.key}.svg").read_bytes()
    lines = f" Lines or points: {', '.join(runs)}." if runs else ""
    return Figure(
        source=data_address(content, "image/svg+xml"),
        alt=f"{artefact.number}: {artefact.title}. {artefact.caption}{lines} Its numbers follow as CSV.",
        runs=list(runs.items()),
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a CSV: names as texts, all else as numbers, None for nothing."""
    return [
        {str(key): value if key in _NAMES else None if value == "" else float(value) for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def data_address(content: bytes, kind: str) -> str:
    """The address of a file that is part of the page; ``kind``: its media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
