"""Rows to classify, one by one, from a file or a pipe: CSV, TSV, JSONL; Parquet from a file. Errors name the line.

A pipe cannot be opened twice as `row_readers` opens a file, so its rows are read here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal, TextIO

from bertfit.core import row_readers, text_columns
from bertfit.core.errors import UserError

InputFormat = Literal["csv", "tsv", "jsonl", "parquet"]
ENDINGS: dict[str, InputFormat] = {
    ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".json": "jsonl", ".parquet": "parquet",
}  # fmt: skip
MARKS = {"csv": ",", "tsv": "\t"}
PIPE = "-"
ALL = "*"
"""in place of names of columns: every one"""


@dataclass(frozen=True)
class InputRow:
    """A row of the input. ``kept``: its columns that the answer repeats, or ``row``, its number from 1."""

    text: str
    kept: dict[str, Any]


def format_of(source: str, given: InputFormat | None = None) -> InputFormat:
    """The format of an input, by its ending if none is given; that of a pipe is CSV. Raises `UserError` for others.

    A ``.json`` file is read as JSONL, too: it may have an object in each line, or be an array of objects.
    """
    if given == "parquet" and source == PIPE:
        raise UserError("Parquet cannot be read from a pipe; give the file by its name")
    if given or source == PIPE:
        return given or "csv"
    ending = Path(source).suffix.lower()
    if ending not in ENDINGS:
        known = ", ".join(text_columns.KINDS)
        raise UserError(f"{source}: unknown ending {ending!r}; give a file that ends in {known}, or --input-format")
    return ENDINGS[ending]


def read(
    source: str, kind: InputFormat, text: str | int, keep: Sequence[str] = (), pipe: TextIO | None = None
) -> Iterator[InputRow]:
    """The rows of ``source``, a path or `PIPE` (``pipe``, by default standard input).

    ``text``: the column of the texts, or its position from 0 where there is no header; a missing value is an empty
    text. ``keep``: columns that the answers repeat, or [`ALL`]. Names are compared in `row_readers.composed` form.
    Raises `UserError` for a file that is missing, empty, malformed or not UTF-8, and for a missing column.
    """
    if source == PIPE:
        yield from _from_pipe(pipe or sys.stdin, kind, text, keep)
        return
    path = Path(source)
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct the path")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; copy or download it again")
    with row_readers.explain_errors(path):
        if kind == "parquet":
            yield from _parquet(path, text, keep)
        elif kind == "jsonl":
            yield from _json(row_readers.objects(path, [row_readers.composed(text)]), path, str(text), keep)
        else:
            row_readers.check_encoding(path)
            with open(path, encoding="utf-8-sig", newline="") as handle:
                yield from _delimited(handle, path, MARKS[kind], text, keep)


def _from_pipe(stream: TextIO, kind: InputFormat, text: str | int, keep: Sequence[str]) -> Iterator[InputRow]:
    where = "standard input"
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(encoding="utf-8-sig", errors="strict", newline="\n" if kind == "jsonl" else "")
    try:
        if kind == "jsonl":
            yield from _json(_objects(stream, where, str(text)), where, str(text), keep)
        else:
            yield from _delimited(stream, where, MARKS[kind], text, keep)
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8; convert it, for example: iconv -f WINDOWS-1252 -t UTF-8") from error


def _delimited(
    handle: TextIO, where: str | Path, delimiter: str, text: str | int, keep: Sequence[str]
) -> Iterator[InputRow]:
    names: list[str] = []
    number = 0
    for line, row in row_readers.rows_of(handle, where, delimiter):
        if not names:
            headerless = isinstance(text, int)
            names = [str(place) if headerless else row_readers.composed(name) for place, name in enumerate(row)]
            _check(_wanted(text, keep, names), names, where)
            if not headerless:
                continue
        row_readers.check_length(row, len(names), f"{where}:{line}", delimiter)
        number += 1
        yield _row(dict(zip(names, row, strict=True)), number, text, keep)


def _objects(lines: TextIO, where: str, text: str) -> Iterator[dict[str, Any]]:
    """The objects of a pipe, one in each line, with the checks of `row_readers.objects` on the text."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a JSON value of another kind")
            row = {row_readers.composed(name): value for name, value in row.items()}
            if isinstance(value := row.get(row_readers.composed(text)), list | dict):
                raise ValueError(f"{text!r} is not a text")
            if isinstance(value, str):
                value.encode()
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}:{number}: not a JSON object with whole characters ({error})") from error
        yield row


def _json(rows: Iterator[dict[str, Any]], where: str | Path, text: str, keep: Sequence[str]) -> Iterator[InputRow]:
    for number, row in enumerate(rows, 1):
        if number == 1:  # in later rows an absent key is an empty value
            _check(_wanted(text, keep, list(row)), list(row), where)
        yield _row(row, number, text, keep)


def _parquet(path: Path, text: str | int, keep: Sequence[str]) -> Iterator[InputRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            wanted = [names[place] for place in _check(_wanted(text, keep, names), names, path)]
            kind = file.schema_arrow.field(wanted[0]).type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                raise UserError(f"{path}: column {text!r} holds {kind}, not text; name another column")
            number = 0
            for batch in file.iter_batches(text_columns.BATCH, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield _row({row_readers.composed(name): row[name] for name in row}, number, text, keep)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a complete Parquet file ({error}); copy or download it again") from error


def _wanted(text: str | int, keep: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns to read: that of the texts first."""
    return list(dict.fromkeys(map(row_readers.composed, [text, *(names if ALL in keep else keep)])))


def _check(wanted: Sequence[str], names: Sequence[str], where: str | Path) -> list[int]:
    """The positions of the wanted columns. Raises `UserError` where one is missing or a duplicate."""
    return [row_readers.column_position(name, names, where) for name in wanted]


def _row(row: dict[str, Any], number: int, text: str | int, keep: Sequence[str]) -> InputRow:
    """``row``: values by composed name."""
    value = row.get(row_readers.composed(text))
    as_text = "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
    kept = row if ALL in keep else {name: row.get(row_readers.composed(name)) for name in keep}
    return InputRow(as_text, kept or {"row": number})
