"""Rows to classify, one by one, from a file or a pipe: CSV, TSV, JSONL; Parquet from a file. Errors name the line."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from bertfit.core import row_readers, text_columns
from bertfit.core.errors import UserError

InputFormat = Literal["csv", "tsv", "jsonl", "parquet"]
PIPE = "-"
ALL = "*"
"""in place of names of columns: every one"""


@dataclass(frozen=True)
class InputRow:
    """A row of the input. ``kept``: its columns that the answer repeats, or ``row``, its number from 1."""

    text: str
    kept: dict[str, Any]


def format_of(source: str, given: InputFormat | None = None) -> InputFormat:
    """The format of an input, by its ending if none is given; that of a pipe is CSV. Raises `UserError` for others."""
    ending = Path(source).suffix.lower()
    kind = given or ("csv" if source == PIPE else ending.removeprefix("."))
    if kind == "parquet" and source == PIPE:
        raise UserError("Parquet cannot be read from a pipe; give the file by its name")
    if kind not in ("csv", "tsv", "jsonl", "parquet"):
        known = ", ".join(text_columns.KINDS)
        raise UserError(f"{source}: unknown ending {ending!r}; give a file that ends in {known}, or --input-format")
    return kind  # type: ignore[return-value]


def read(
    source: str, kind: InputFormat, text: str | int, keep: Sequence[str] = (), pipe: TextIO | None = None
) -> Iterator[InputRow]:
    """The rows of ``source``, a path or `PIPE` (``pipe``, by default standard input).

    ``text``: the column of the texts, or its position from 0 where there is no header; a missing value is an empty
    text. ``keep``: columns that the answers repeat, or [`ALL`]. Raises `UserError` for a file that is missing, empty,
    malformed or not UTF-8, and for a missing column.
    """
    if source == PIPE:
        stream = pipe or sys.stdin
        if stream is sys.stdin:
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict", newline="" if kind != "jsonl" else "\n")  # type: ignore[union-attr]
        yield from _decoded("standard input", _lines(stream, "standard input", kind, text, keep))
        return
    path = Path(source)
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct the path")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; copy or download it again")
    if kind == "parquet":
        yield from _parquet(path, text, keep)
        return
    row_readers.check_encoding(path)
    with open(path, encoding="utf-8-sig", newline="" if kind != "jsonl" else "\n") as handle:
        yield from _decoded(path, _lines(handle, path, kind, text, keep))


def _decoded(where: str | Path, rows: Iterator[InputRow]) -> Iterator[InputRow]:
    try:
        yield from rows
    except UnicodeDecodeError as error:
        if isinstance(where, Path):
            with row_readers.explain_errors(where):
                raise
        raise UserError(f"{where}: not UTF-8; convert it, for example: iconv -f WINDOWS-1252 -t UTF-8") from error


def _lines(
    handle: TextIO, where: str | Path, kind: InputFormat, text: str | int, keep: Sequence[str]
) -> Iterator[InputRow]:
    if kind == "jsonl":
        return _jsonl(handle, where, str(text), keep)
    return _delimited(handle, where, "\t" if kind == "tsv" else ",", text, keep)


def _delimited(
    handle: TextIO, where: str | Path, delimiter: str, text: str | int, keep: Sequence[str]
) -> Iterator[InputRow]:
    csv.field_size_limit(sys.maxsize)  # the default limit is 131,072 characters
    reader = csv.reader(handle, delimiter=delimiter, strict=True)
    names: list[str] = []
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                f"{where}:{line}: {error}; a cell that starts with a double quote must end with one, and quotes inside "
                "are doubled"
            ) from error
        if not row:
            continue
        if not names:
            names = [str(place) for place in range(len(row))] if isinstance(text, int) else row
            for name in _wanted(text, keep, names):
                row_readers.column_position(name, names, where)
            if names is row:
                continue
        if len(row) != len(names):
            raise UserError(
                f"{where}:{line}: {len(row)} columns where the first line has {len(names)}; put texts with "
                f"{'commas' if delimiter == ',' else 'tabs'} into double quotes"
            )
        number += 1
        yield _row(dict(zip(names, row, strict=True)), number, str(text), keep)


def _jsonl(handle: TextIO, where: str | Path, text: str, keep: Sequence[str]) -> Iterator[InputRow]:
    number = 0
    for line, content in enumerate(handle, 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
            if not isinstance(row, dict):
                raise ValueError("a JSON value of another kind")
            content.encode()
        except (ValueError, RecursionError) as error:
            if isinstance(error, UnicodeDecodeError):
                raise
            raise UserError(f"{where}:{line}: not a JSON object with whole characters ({error})") from error
        if not number:  # in later rows an absent key is an empty value
            for name in _wanted(text, keep, list(row)):
                row_readers.column_position(name, list(row), where)
        if isinstance(row.get(text), list | dict):
            raise UserError(f"{where}:{line}: {text!r} is not a text; name another column")
        number += 1
        yield _row(row, number, text, keep)


def _parquet(path: Path, text: str | int, keep: Sequence[str]) -> Iterator[InputRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            wanted = _wanted(text, keep, names)
            for name in wanted:
                row_readers.column_position(name, names, path)
            kind = file.schema_arrow.field(str(text)).type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                raise UserError(f"{path}: column {text!r} holds {kind}, not text; name another column")
            number = 0
            for batch in file.iter_batches(text_columns.BATCH, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield _row(row, number, str(text), keep)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a complete Parquet file ({error}); copy or download it again") from error


def _wanted(text: str | int, keep: Sequence[str], names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([str(text), *(names if ALL in keep else keep)]))


def _row(row: dict[str, Any], number: int, text: str, keep: Sequence[str]) -> InputRow:
    value = row.get(text)
    as_text = "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
    kept = row if ALL in keep else {name: row.get(name) for name in keep}
    return InputRow(as_text, kept or {"row": number})
