"""The table of corpus statistics (section 5.1), computed from the token files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bertfit.artefacts.paper_comparison import relative, write_csv
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow, TableFiles, write
from bertfit.core.errors import UserError
from bertfit.core.formatting import signed
from bertfit.data import corpus_card
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.job_specs import CorpusColumn, StatisticsSpec

EXCEEDING = "Exceeding ratio (%)"
DECIMALS = {
    "Classes": 0,
    "Type": 0,
    "Average lengths": 1,
    "Max lengths": 0,
    EXCEEDING: 2,
    "Train samples": 0,
    "Test samples": 0,
}
"""row label -> decimals that are printed"""
PAPERS_LIMIT = 512
"""word pieces beyond which the paper counts a text as exceeding"""
Agreement = Literal["yes", "no", "not comparable", ""]
LEGEND = (
    "In parentheses: the published value; = where ours is the same to its digits, else how far ours is from it. A "
    "published value alone is not compared: the corpus is a sample, a stand-in or generated, or the limit another."
)


class CorpusFiles(NamedTuple):
    """The card of a corpus, and the token files of its splits."""

    card: Path
    train: Path
    test: Path


def build(spec: StatisticsSpec, *, corpora: Mapping[str, CorpusFiles], published: Path, files: TableFiles) -> None:
    """Write the table of corpus statistics; columns in the artefact's order. ``corpora``: files of those available.

    Each value is compared with the published one, to the digits that the paper prints, if the corpus is one of the
    paper's and complete (`CorpusCard.has_the_papers_rows`).

    A length is the number of word pieces of a text, or of both texts of a pair, without special tokens; average and
    maximum are over train and test together. Exceeding ratio: percent of samples longer than the study's ``max_length``
    (512 in the paper, section 5.1). The CSV has ``row,column,value,published,agrees``; ``agrees`` is yes, no, not
    comparable, or empty where one of the values is missing.

    Raises `UserError` if a token file or a card is unreadable, or a token file empty.
    """
    columns, declared = spec.artefact.columns, spec.corpora
    paper = published_values(published, spec.key)
    values = {
        name: measure(declared[name], corpora[name]) if name in corpora else {} for name in columns if name in declared
    }
    complete = {name: corpus_card.read(paths.card).has_the_papers_rows for name, paths in corpora.items()}
    records, lines = [], []
    for row in DECIMALS:
        places = []
        for name, statistics in values.items():
            value, printed = statistics.get(row), paper.get((columns[name], row))
            same_limit = row != EXCEEDING or declared[name].max_length == PAPERS_LIMIT
            agrees = agreement(value, printed, comparable=same_limit and complete.get(name, False))
            text = "" if value is None else _printed(value, DECIMALS[row])
            records.append({"row": row, "column": columns[name], "value": text, "published": printed, "agrees": agrees})
            places.append(GridCell(text or "not available", detail=detail(text, printed or "", agrees)))
        lines.append(GridRow(row, places))
    write_csv(records, ["row", "column", "value", "published", "agrees"], files.csv)
    limits = ", ".join(str(limit) for limit in sorted({declared[name].max_length for name in values}))
    notes = [
        LEGEND,
        "Lengths are word pieces without special tokens, over train and test; a pair counts both its texts.",
        f"Exceeding ratio: share of samples longer than {limits} word pieces.",
        *(f"{columns[name]}: not available; {declared[name].reason}" for name in values if declared[name].reason),
    ]
    links = {columns[name]: relative(corpora[name].card, files.html) if name in corpora else "" for name in values}
    grid = Grid(links, [""], lines)
    write(grid, spec, notes=notes, files=files)


def agreement(value: str | float | None, published: str | None, *, comparable: bool) -> Agreement:
    """Whether a value is the published one, to the digits of that; empty where one of the two is missing."""
    if value is None or not published:
        return ""
    if not comparable:
        return "not comparable"
    return "yes" if _printed(value, _decimals(published)) == published else "no"


def detail(value: str, published: str, agrees: str) -> str:
    """What stands below a printed ``value``: the published one, and how ours compares with it (see `LEGEND`)."""
    if not published:
        return ""
    if agrees == "yes":
        return f"(= {published})"
    if agrees != "no":
        return f"({published})"
    try:
        return f"({published}: {signed(float(value) - float(published), _decimals(value))})"
    except ValueError:  # not numbers
        return f"({published}: differs)"


def _printed(value: str | float, decimals: int) -> str:
    return value if isinstance(value, str) else f"{value:.{decimals}f}"


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])


def measure(corpus: CorpusColumn, files: CorpusFiles) -> dict[str, str | float]:
    """The statistics of one corpus: row label -> value."""
    train, test = _tokens(files.train), _tokens(files.test)
    lengths = pa.chunked_array([*_lengths(train).chunks, *_lengths(test).chunks])
    exceeding = pc.mean(pc.greater(lengths, corpus.max_length)).as_py()
    values = (
        len(json.loads(train.schema.metadata[b"label_names"])),
        (corpus.domain or "").capitalize(),
        pc.mean(lengths).as_py(),
        pc.max(lengths).as_py(),
        100 * exceeding,
        train.num_rows,
        test.num_rows,
    )
    return dict(zip(DECIMALS, values, strict=True))


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
