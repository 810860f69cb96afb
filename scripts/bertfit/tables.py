"""Tables: our numbers beside the published ones, as CSV for machines and Markdown, LaTeX and HTML for readers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.errors import UserError
from bertfit.files import write_text
from bertfit.rendering import Grid, Shown, write
from bertfit.scores import Summary, number, summarise
from bertfit.scores import published as published_values
from bertfit.spec import Artefact

STATISTICS = (
    "Classes",
    "Type",
    "Average lengths",
    "Max lengths",
    "Exceeding ratio (%)",
    "Train samples",
    "Test samples",
)
_OTHER_WORLD = "The corpora or the encoder are not the paper's: published values are for orientation, not comparison."


class Cell(TypedDict):
    """One cell of error rates: its runs (``runs``: their folders, relative to the table), or why there are none."""

    row: str
    column: str
    corpus: str
    encoder: str
    recipe: str
    seeds: list[int]
    status: Literal["ok", "not available", "not applicable"]
    reason: str
    runs: NotRequired[list[str]]


class CorpusFiles(TypedDict):
    """A column of the table of statistics; paths are None where it cannot be had, for ``reason``."""

    title: str
    domain: str | None
    card: Path | None
    train: Path | None
    test: Path | None
    max_length: int
    reason: NotRequired[str]


def build(
    *,
    artefact: Artefact,
    key: str,
    cells: Sequence[Cell],
    results: Path,
    published: Path,
    comparable: bool,
    csv: Path,
    md: Path,
    tex: Path,
    html: Path,
) -> None:
    """Write a table of test error rates in percent; rows and columns in the order of ``cells``.

    The CSV has ``row,column,n,mean,std,low,high,mean_best,published,delta_best``: n seeds, `scores.Summary`, the
    paper's value for (``key``, row, column), and mean_best - published where the study is ``comparable``. What does not
    exist is empty; the other forms say which cells do not exist and why. ``results`` is what `scores.build` wrote.

    Raises `UserError` where a run of an ``ok`` cell is not in ``results``.
    """
    frame, paper = pq.read_table(results).to_pandas(), published_values(published, key)
    columns = {cell["column"]: "" for cell in cells}
    found: dict[tuple[str, str], Summary] = {}
    shown: dict[str, dict[str, list[Shown]]] = {}
    records: list[dict[str, Any]] = []
    for cell in cells:
        place, value = (cell["row"], cell["column"]), number(paper.get((cell["row"], cell["column"])))
        record: dict[str, Any] = {"row": cell["row"], "column": cell["column"], "published": value}
        if cell["status"] == "ok":
            found[place] = mine = summarise(frame, cell["corpus"], cell["encoder"], cell["recipe"], cell["seeds"])
            record |= vars(mine) | {"delta_best": mine.mean_best - value if comparable else None}
        records.append(record)
    _write_csv(
        records, ["row", "column", "n", "mean", "std", "low", "high", "mean_best", "published", "delta_best"], csv
    )

    bold = _within_noise(found)
    for cell in cells:
        place = (cell["row"], cell["column"])
        ours = [Shown(cell["status"]), Shown("–")]
        if place in found:
            ours = _ours(found[place], place in bold, tuple(quote(link) for link in cell.get("runs", ())))
        shown.setdefault(cell["row"], {})[cell["column"]] = [*ours, Shown(paper.get(place, "–"))]
    rows = {row: [part for label in columns for part in line.get(label, [Shown()] * 3)] for row, line in shown.items()}
    notes = _error_notes([mine.n for mine in found.values()], comparable)
    notes += _reasons((cell["column"], cell["status"], cell["reason"]) for cell in cells)
    grid = Grid(key, artefact, columns, ["last epoch", "best epoch", "published"], rows, notes)
    write(grid, md=md, tex=tex, html=html)


def build_statistics(
    *,
    artefact: Artefact,
    key: str,
    corpora: Mapping[str, CorpusFiles],
    published: Path,
    comparable: bool,
    csv: Path,
    md: Path,
    tex: Path,
    html: Path,
) -> None:
    """Write the table of corpus statistics, computed from the token files; columns in the artefact's order.

    A length is the word pieces of a text, or of both texts of a pair, without special tokens; average and maximum go
    over train and test together. Exceeding ratio: percent of samples longer than the study's ``max_length`` (512 in the
    paper, section 5.1). The CSV has ``row,column,value,published``.

    Raises `UserError` where a token file is unreadable or empty.
    """
    paper = published_values(published, key)
    values = {name: _statistics(corpora[name]) for name in artefact.columns if name in corpora}
    records, rows = [], {}
    for row in STATISTICS:
        rows[row] = list[Shown]()
        for name, mine in values.items():
            label = artefact.columns[name]
            theirs = paper.get((label, row))
            records.append({"row": row, "column": label, "value": mine.get(row), "published": theirs})
            rows[row].append(Shown(mine.get(row, "not available"), detail=f"({theirs})" if theirs else ""))
    _write_csv(records, ["row", "column", "value", "published"], csv)
    cards = {artefact.columns[name]: corpora[name]["card"] for name in values}
    limits = ", ".join(str(limit) for limit in sorted({corpora[name]["max_length"] for name in values}))
    notes = [
        "In parentheses: the published value.",
        "Lengths are word pieces without special tokens, over train and test; a pair counts both its texts.",
        f"Exceeding ratio: share of samples longer than {limits} word pieces.",
        *([] if comparable else [_OTHER_WORLD]),
        *_reasons((artefact.columns[name], "not available", corpora[name].get("reason", "")) for name in values),
    ]
    columns = {label: _relative(Path(card), html) if card else "" for label, card in cards.items()}
    write(Grid(key, artefact, columns, [""], rows, notes), md=md, tex=tex, html=html)


def _statistics(corpus: CorpusFiles) -> dict[str, str]:
    """Row label -> value as printed; empty where the corpus cannot be had."""
    if corpus["train"] is None or corpus["test"] is None:
        return {}
    train, test = (_tokens(Path(path)) for path in (corpus["train"], corpus["test"]))
    lengths = pa.chunked_array([*_lengths(train).chunks, *_lengths(test).chunks])
    exceeding = pc.mean(pc.greater(lengths, corpus["max_length"])).as_py()
    values = (
        len(json.loads(train.schema.metadata[b"label_names"])),
        (corpus["domain"] or "").capitalize(),
        f"{pc.mean(lengths).as_py():.1f}",
        pc.max(lengths).as_py(),
        f"{100 * exceeding:.2f}",
        train.num_rows,
        test.num_rows,
    )
    return {row: str(value) for row, value in zip(STATISTICS, values, strict=True)}


def _tokens(path: Path) -> pa.Table:
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{path}: not a readable token file ({error}); delete it and run again") from error
    if not table.num_rows:
        raise UserError(f"{path}: holds no samples; delete it and run again")
    return table


def _lengths(table: pa.Table) -> pa.ChunkedArray:
    """Word pieces of every sample, from the offsets alone."""
    first, second = (pc.fill_null(pc.list_value_length(table[name]), 0) for name in ("input_ids", "pair_ids"))
    return pc.add(first, second)


def _within_noise(found: Mapping[tuple[str, str], Summary]) -> set[tuple[str, str]]:
    """Places in bold: of each column with a choice, those whose interval contains the column's lowest mean."""
    bold = set()
    for column in {column for _, column in found}:
        mine = {place: summary for place, summary in found.items() if place[1] == column}
        lowest = min(summary.mean for summary in mine.values())
        bold |= {place for place, summary in mine.items() if len(mine) > 1 and summary.low <= lowest}
    return bold


def _ours(mine: Summary, bold: bool, links: tuple[str, ...]) -> list[Shown]:
    spread = f" ± {mine.std:.2f}" if mine.n > 1 else ""
    interval = f"[{mine.low:.2f}, {mine.high:.2f}]"
    return [Shown(f"{mine.mean:.2f}{spread}", bold, interval, links), Shown(f"{mine.mean_best:.2f}")]


def _error_notes(seeds: Sequence[int], comparable: bool) -> list[str]:
    """What the numbers of a table of error rates are."""
    many = f"{min(seeds)} to {max(seeds)}" if len(set(seeds)) > 1 else str(max(seeds, default=0))
    return [
        f"Test error in percent; seeds per cell: {many}; mean ± sample standard deviation over seeds.",
        "In brackets: 95% Wilson interval of the mean error on one test set; more seeds do not narrow it.",
        "Last epoch is the clean number. Best epoch is the one with the lowest test error, as in the official code, "
        "which flatters; runs that hold out a validation share choose it there. The published values are best epochs.",
        "Bold: the lowest last-epoch error of a column, and every other whose interval contains it.",
        *([] if comparable else [_OTHER_WORLD]),
    ]


def _reasons(empty: Iterable[tuple[str, str, str]]) -> list[str]:
    """A note for each distinct (column, status, reason) that has a reason."""
    return [f"{column}: {status}; {reason}" for column, status, reason in dict.fromkeys(empty) if reason]


def _relative(target: Path, page: Path) -> str:
    """Link from a page to a file or folder."""
    return quote(Path(os.path.relpath(target, page.parent)).as_posix())


def _write_csv(records: Sequence[Mapping[str, Any]], columns: list[str], path: Path) -> None:
    frame = pd.DataFrame(records, columns=columns)
    if "n" in columns:
        frame["n"] = frame["n"].astype("Int64")
    write_text(path, frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
