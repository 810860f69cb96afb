"""The table of corpus statistics (section 5.1), computed from the token files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bertfit.artefacts.paper_comparison import NOT_COMPARABLE, relative, write_csv
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow, TableFiles, write
from bertfit.core.errors import UserError
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.job_specs import CorpusColumn, StatisticsSpec

STATISTICS = (
    "Classes",
    "Type",
    "Average lengths",
    "Max lengths",
    "Exceeding ratio (%)",
    "Train samples",
    "Test samples",
)


class CorpusFiles(NamedTuple):
    """The card of a corpus, and the token files of its splits."""

    card: Path
    train: Path
    test: Path


def build(spec: StatisticsSpec, *, corpora: Mapping[str, CorpusFiles], published: Path, files: TableFiles) -> None:
    """Write the table of corpus statistics; columns in the artefact's order. ``corpora``: files of those available.

    A length is the number of word pieces of a text, or of both texts of a pair, without special tokens; average and
    maximum are over train and test together. Exceeding ratio: percent of samples longer than the study's ``max_length``
    (512 in the paper, section 5.1). The CSV has ``row,column,value,published``.

    Raises `UserError` if a token file is unreadable or empty.
    """
    columns, declared = spec.artefact.columns, spec.corpora
    paper = published_values(published, spec.key)
    values = {
        name: _statistics(declared[name], corpora[name]) if name in corpora else {}
        for name in columns
        if name in declared
    }
    records, lines = [], []
    for row in STATISTICS:
        places = []
        for name, statistics in values.items():
            label = columns[name]
            printed = paper.get((label, row))
            records.append({"row": row, "column": label, "value": statistics.get(row), "published": printed})
            places.append(GridCell(statistics.get(row, "not available"), detail=f"({printed})" if printed else ""))
        lines.append(GridRow(row, places))
    write_csv(records, ["row", "column", "value", "published"], files.csv)
    limits = ", ".join(str(limit) for limit in sorted({declared[name].max_length for name in values}))
    notes = [
        "In parentheses: the published value.",
        "Lengths are word pieces without special tokens, over train and test; a pair counts both its texts.",
        f"Exceeding ratio: share of samples longer than {limits} word pieces.",
        *([] if spec.comparable else [NOT_COMPARABLE]),
        *(f"{columns[name]}: not available; {declared[name].reason}" for name in values if declared[name].reason),
    ]
    links = {columns[name]: relative(corpora[name].card, files.html) if name in corpora else "" for name in values}
    grid = Grid(links, [""], lines)
    write(grid, spec, notes=notes, files=files)


def _statistics(corpus: CorpusColumn, files: CorpusFiles) -> dict[str, str]:
    """Row label -> value as printed."""
    train, test = _tokens(files.train), _tokens(files.test)
    lengths = pa.chunked_array([*_lengths(train).chunks, *_lengths(test).chunks])
    exceeding = pc.mean(pc.greater(lengths, corpus.max_length)).as_py()
    values = (
        len(json.loads(train.schema.metadata[b"label_names"])),
        (corpus.domain or "").capitalize(),
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
