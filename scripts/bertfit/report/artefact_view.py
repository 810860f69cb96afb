"""The study's tables and figures as the report shows them: the numbers of their CSV, and links to the runs behind them.

Addresses (``run``) are those of `report_jobs.address`; numbers are error rates in percent unless a table says
otherwise.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bertfit.artefacts.paper_comparison import within_noise
from bertfit.artefacts.table_rendering import WIDE
from bertfit.core.errors import UserError
from bertfit.core.formatting import spreadsheet_safe
from bertfit.experiments.summary_specs import ReportedArtefact, ReportedCell, ReportSpec

_NAMES = ("row", "column", "status", "reason", "encoder", "mix", "note")


@dataclass(frozen=True)
class Place:
    """One place of a table: ``text`` and what stands below it. ``run``: address of the runs behind it."""

    text: str = ""
    below: tuple[str, ...] = ()
    bold: bool = False
    run: str | None = None
    title: str = ""
    """why there is no number"""


@dataclass(frozen=True)
class ViewRow:
    """Places of a row, column by column; ``encoder``: the one that its label names."""

    label: str
    places: list[Place]
    encoder: str | None = None


@dataclass(frozen=True)
class Exhibit:
    """A table or figure. ``columns``: heading -> corpus or None; each has the ``parts``. ``picture``: an address."""

    key: str
    number: str
    title: str
    caption: str
    section: str
    csv: str
    """data: address of the numbers"""
    columns: dict[str, str | None] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    groups: list[tuple[str, list[ViewRow]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    picture: str | None = None
    alt: str = ""
    runs: list[tuple[str, str]] = field(default_factory=list)
    """of a figure: name of a line and address of the runs behind it"""

    @property
    def stacked(self) -> bool:
        """Whether the parts of a column stand below each other."""
        return len(self.columns) * len(self.parts) > WIDE


def exhibits(spec: ReportSpec, root: Path) -> list[Exhibit]:
    """Every artefact in the order of the paper. Raises `UserError` for a file that is missing or not an artefact's."""
    return [_exhibit(artefact, spec.study.comparable, root) for artefact in spec.artefacts]


def _exhibit(artefact: ReportedArtefact, comparable: bool, root: Path) -> Exhibit:
    path = root / ("figures" if artefact.figure else "tables") / f"{artefact.key}.csv"
    try:
        content = path.read_bytes()
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        makes = {"table": _errors, "statistics": _statistics, "forgetting": _losses}
        shown = _figure(artefact, root) if artefact.figure else makes[artefact.kind](artefact, frame, comparable)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not the numbers of {artefact.number} ({error}); delete it and run again") from error
    about = {key: getattr(artefact, key) for key in ("key", "number", "title", "caption", "section")}
    return Exhibit(**about, csv=_address(content, "text/csv"), **shown)


# ---------------------------------------------------------------------------------------------- tables of error rates


def _errors(artefact: ReportedArtefact, frame: pd.DataFrame, comparable: bool) -> dict[str, Any]:
    """Ours (last epoch, with interval; best epoch), published, and the difference where it means something."""
    records = _records(frame)
    bold = within_noise(
        (row["row"], row["column"], row["mean"], row["low"]) for row in records if row["low"] is not None
    )
    cells = {(spreadsheet_safe(cell.row), spreadsheet_safe(cell.column)): cell for cell in artefact.cells}
    parts = ["last epoch", "best epoch", "published", *(["difference"] if comparable else [])]
    columns = dict.fromkeys(str(row["column"]) for row in records)
    corpora = {spreadsheet_safe(title): corpus for corpus, title in artefact.columns.items()}
    lines: dict[str, list[Place]] = {}
    quoted = []
    for row in records:
        place = (str(row["row"]), str(row["column"]))
        cell = cells.get(place)
        quoted += [place[0]] if row["status"] == "quoted" else []
        lines.setdefault(place[0], []).extend(_places(row, cell, place in bold, comparable))
    ours = [ViewRow(label, places) for label, places in lines.items() if label not in quoted]
    theirs = [ViewRow(label, places) for label, places in lines.items() if label in quoted]
    groups = [("Quoted: earlier systems, not run", theirs), ("Run by this workflow", ours)] if theirs else [("", ours)]
    return {
        "columns": {title: corpora.get(title) for title in columns},
        "parts": parts,
        "groups": groups,
        "notes": [*_average(artefact), *_reasons(artefact.cells), *_remarks(artefact.cells)],
    }


def _average(artefact: ReportedArtefact) -> list[str]:
    """What the last column is, where it is a mean over the others (`average_improvement`)."""
    if not artefact.average:
        return []
    title, over = artefact.average.title, artefact.average.over
    return [f"{title}: mean over the corpora that both rows have of (e - error) / e, where e is the error of {over}."]


def _places(row: Mapping[str, Any], cell: ReportedCell | None, bold: bool, comparable: bool) -> Iterator[Place]:
    """The parts of one cell."""
    if row["mean"] is None:
        status = "" if row["status"] == "quoted" else str(row["status"])
        yield Place("–" if status == "not applicable" and not cell else status, title=cell.reason if cell else "")
        yield Place("–" if status else "")
    else:
        spread = f" ± {row['std']:.2f}" if row["std"] is not None else ""
        interval = (f"{row['low']:.2f} to {row['high']:.2f}",) if row["low"] is not None else ()
        yield Place(f"{row['mean']:.2f}{spread}", interval, bold, cell.run if cell else None)
        yield Place(f"{row['mean_best']:.2f}")
    yield Place("–" if row["published"] is None else f"{row['published']:.2f}")
    if comparable:
        yield Place("–" if row["delta_best"] is None else signed(row["delta_best"]))


def _remarks(cells: Sequence[ReportedCell]) -> list[str]:
    """What runs lack, once for each row."""
    return list(dict.fromkeys(f"{cell.row}: {cell.note}." for cell in cells if cell.note))


def _reasons(cells: Sequence[ReportedCell]) -> list[str]:
    """Why cells are empty: each reason once, with the columns it is about."""
    about: dict[str, list[str]] = {}
    for cell in cells:
        if cell.reason:
            about.setdefault(f"{cell.status}; {cell.reason}", []).append(cell.column)
    return [f"{', '.join(dict.fromkeys(columns))}: {reason}." for reason, columns in about.items()]


# ---------------------------------------------------------------------------------------------- other kinds


def _statistics(artefact: ReportedArtefact, frame: pd.DataFrame, comparable: bool) -> dict[str, Any]:
    """Statistics of corpora, the published value below ours."""
    lines: dict[str, list[Place]] = {}
    for row in frame.to_dict("records"):
        published = (f"published {row['published']}",) if row["published"] != "" else ()
        text = str(row["value"]) or "not available"
        lines.setdefault(str(row["row"]), []).append(Place(text, published))
    columns = {title: corpus for corpus, title in artefact.columns.items()}
    notes = [f"{artefact.columns[corpus]}: not available; {why}." for corpus, why in artefact.reasons.items()]
    rows = [ViewRow(label, places) for label, places in lines.items()]
    return {"columns": columns, "parts": [""], "groups": [("", rows)], "notes": notes}


def _losses(artefact: ReportedArtefact, frame: pd.DataFrame, comparable: bool) -> dict[str, Any]:
    """Loss on held-out text before and after each further pre-training, in nats per masked word piece."""
    rows = []
    for row in _records(frame):
        before, after = ("–" if row[key] is None else f"{row[key]:.3f}" for key in ("before", "after"))
        change = "–" if row["change"] is None else signed(row["change"], 3)
        texts = (f"{int(row['steps']):,}", before, after if row["status"] == "ok" else str(row["status"]), change)
        rows.append(ViewRow(str(row["row"]), [Place(text) for text in texts], str(row["encoder"])))
    columns = dict.fromkeys(("steps", "loss before", "loss after", "change"))
    notes = ["Nats per masked word piece; a change above 0 is forgotten."]
    return {"columns": columns, "parts": [""], "groups": [("", rows)], "notes": notes}


def _figure(artefact: ReportedArtefact, root: Path) -> dict[str, Any]:
    """The picture, and the runs behind its lines or points."""
    runs = {}
    for cell in artefact.cells:
        size = f" at {cell.size}" if cell.size else ""
        if cell.run:
            runs[f"{cell.row}{size}"] = cell.run
    content = (root / "figures" / f"{artefact.key}.svg").read_bytes()
    lines = f" Lines or points: {', '.join(runs)}." if runs else ""
    return {
        "picture": _address(content, "image/svg+xml"),
        "alt": f"{artefact.number}: {artefact.title}. {artefact.caption}{lines} Its numbers follow as CSV.",
        "runs": list(runs.items()),
        "notes": _reasons(artefact.cells),
    }


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign, as a minus and not a hyphen."""
    return f"{value:+.{digits}f}".replace("-", "−")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a CSV: names as texts, all else as numbers, None for nothing."""
    return [
        {str(key): value if key in _NAMES else None if value == "" else float(value) for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
