"""Readers of CSV, TSV, JSON, JSONL and TREC files, row by row; errors name the line.

Files are streamed, but for an array of JSON objects. Names of columns are compared in Unicode's composed form (NFC):
file systems and spreadsheets of Macs write a letter and its accent as two characters.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from bertfit.core.errors import UserError, listed, nearest, plain

OTHER_DELIMITERS = (";", "\t", "|")
Value = str | int | bool


@contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Turn errors of reading ``path`` as UTF-8 into a `UserError` with the cure."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _invalid_utf8(path) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(f"{path}: cannot be read ({reason}); correct its permissions, or copy the file") from error


def composed(name: str | int) -> str:
    """The name of a column in the form in which names are compared."""
    return unicodedata.normalize("NFC", str(name))


def objects(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The objects of a file: one in each line (JSONL), or an array of objects. Keys are `composed`.

    Values of ``columns`` (composed, too) are text, numbers, booleans or null. Raises `UserError` for what is not an
    object, a duplicate key, and an unpaired surrogate.
    """
    check_encoding(path)
    for where, row in _array(path) if is_array(path) else _lines(path):
        if not isinstance(row, dict):
            raise UserError(f"{where}: not a JSON object; {_ONE_OBJECT}")
        for column in columns:
            value = row.get(column)
            if not isinstance(value, str | int | float | None):
                lists = "; lists of labels need MULTILABEL=json" if isinstance(value, list) else ""
                raise UserError(f"{where}: {column!r} is not a text; name another column{lists}")
            if isinstance(value, str) and _SURROGATE.search(value):
                raise UserError(
                    f"{where}: {column!r} holds an unpaired surrogate; write the file again with whole characters"
                )
        yield row


def is_array(path: Path) -> bool:
    """Whether a JSON file is one array, and not an object in each line."""
    with open(path, "rb") as handle:
        return handle.read(4096).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    """(place, value) of each line of a JSONL file, blank lines left out."""
    with open(path, encoding="utf-8-sig", newline="\n") as handle:  # only "\n" ends a row: U+2028 is text
        for number, line in enumerate(handle, 1):
            if line.strip():
                yield f"{path}:{number}", _decoded(line, f"{path}:{number}")


def _array(path: Path) -> Iterator[tuple[str, Any]]:
    """(place, value) of each item of a JSON array, which is read as a whole."""
    for number, item in enumerate(_decoded(path.read_text(encoding="utf-8-sig"), str(path)), 1):
        yield f"{path}: item {number}", item


def _decoded(text: str, where: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error}); {_ONE_OBJECT}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = {composed(key): value for key, value in pairs}
    if len(row) < len(pairs):
        raise ValueError("duplicate key")
    return row


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value, write null")


_ONE_OBJECT = "each line must be one object, or the file one array of objects"
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_SURROGATE = re.compile("[\ud800-\udfff]")


def trec(path: Path) -> Iterator[tuple[str, str]]:
    """(coarse label, text) of lines ``LABEL:fine text``.

    A line that is not UTF-8 is read as Latin-1, with byte 0xF0 as a space: the official files hold one such byte.
    Raises `UserError` for a line without a label.
    """
    check_encoding(path)
    for number, line in enumerate(path.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines(), 1):
        try:
            decoded = line.decode()
        except UnicodeDecodeError:
            decoded = line.replace(b"\xf0", b" ").decode("latin-1")
        label, _, text = decoded.strip().partition(" ")
        coarse, colon, _ = label.partition(":")
        if not label:
            continue
        if not colon or not coarse:
            raise UserError(f"{path}:{number}: no 'LABEL:fine' at the start of the line; is this a TREC file?")
        yield coarse, text


def delimited(path: Path, delimiter: str, wanted: Sequence[str | int]) -> Iterator[list[str]]:
    """The ``wanted`` cells of each row of a CSV or TSV file: columns by name, or by position from 0 without a header.

    Double quotes are parsed strictly, so that a stray quote is an error and never swallows rows. Raises `UserError` for
    malformed rows and missing columns.
    """
    headerless = isinstance(wanted[-1], int)
    if any(isinstance(column, int) != headerless for column in wanted):
        raise UserError(
            f"{path}: columns and label are {', '.join(map(repr, wanted))}; they must be all names (of a "
            f"header) or all positions from 0 (no header)"
        )
    check_encoding(path)
    with open(path, encoding="utf-8-sig", newline="") as handle:
        rows = rows_of(handle, path, delimiter)
        start, first = next(rows, (1, []))
        names = [str(position) for position in range(len(first))] if headerless else [composed(name) for name in first]
        if not first:
            raise UserError(f"{path}: no rows")
        if headerless and first == names:
            raise UserError(
                f"{path}:{start}: the first line is a header of column numbers; delete it, or name the columns"
            )
        positions = [column_position(name, names, path) for name in wanted]
        for number, row in itertools.chain([(start, first)] if headerless else [], rows):
            check_length(row, len(first), f"{path}:{number}", delimiter)
            yield [row[position] for position in positions]


def satisfies(cells: Iterable[str | None], where: Mapping[str, Value]) -> bool:
    """Whether a row has the values of ``where`` (column -> value). ``cells``: those of its columns, as text.

    A truth value may be in capitals: pandas writes True, spreadsheets TRUE.
    """
    return all(_is(cell, value) for cell, value in zip(cells, where.values(), strict=True))


def _is(cell: str | None, value: Value) -> bool:
    given = cell.lower() if cell and isinstance(value, bool) else cell
    return given == _as_text(value)


def described(where: Mapping[str, Value]) -> str:
    """The condition ``where`` (column -> value) in words."""
    return " and ".join(f"{plain(column)} = {plain(_as_text(value))}" for column, value in where.items())


def _as_text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def first_row(path: Path, delimiter: str) -> list[str]:
    """The cells of the first row of a CSV or TSV file. Raises `UserError` as `delimited`."""
    check_encoding(path)
    with open(path, encoding="utf-8-sig", newline="") as handle:
        return next((row for _, row in rows_of(handle, path, delimiter)), [])


def count_delimited(path: Path, delimiter: str) -> int:
    """Number of rows of a CSV or TSV file, the header with them. Raises `UserError` as `delimited`."""
    check_encoding(path)
    with open(path, encoding="utf-8-sig", newline="") as handle:
        return sum(1 for _ in rows_of(handle, path, delimiter))


def check_length(row: Sequence[str], expected: int, place: str, delimiter: str) -> None:
    """Raise `UserError` for a row with more or fewer cells than the first one has. ``place``: file and line."""
    if len(row) != expected:
        mark = "commas" if delimiter == "," else "tabs"
        fewer, more = "add the missing cells, and put texts with line ends", f"put texts with {mark}"
        raise UserError(
            f"{place}: {len(row)} columns where the first line has {expected}; "
            f"{fewer if len(row) < expected else more} into double quotes"
        )


def rows_of(handle: TextIO, where: str | Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every row of an open CSV or TSV file or pipe, empty lines left out.

    ``where``: its name for messages. Raises `UserError` for a stray quote.
    """
    csv.field_size_limit(sys.maxsize)  # the default limit is 131,072 characters
    reader = csv.reader(handle, delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                f"{where}:{number}: {error}; a cell that starts with a double quote must end with one, and "
                f"quotes inside are doubled"
            ) from error
        if row:
            yield number, row


def _invalid_utf8(path: Path) -> UserError:
    """The error that says where a file is not UTF-8, and how to convert it."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        place = f"{path}:{line}: byte {error.start} (0x{content[error.start]:02x})"
        return UserError(f"{place} is not UTF-8; {_conversion('WINDOWS-1252', path)}")
    return UserError(f"{path}: not UTF-8")


def _conversion(encoding: str, path: Path) -> str:
    names = (shlex.quote(path.name), shlex.quote(f"{path.stem}.utf8{path.suffix}"))
    return f"convert it, for example: iconv -f {encoding} -t UTF-8 {names[0]} > {names[1]}"


def check_encoding(path: Path) -> None:
    """Raise `UserError` for UTF-16 and UTF-32, recognised by a byte-order mark or NUL bytes."""
    with open(path, "rb") as handle:
        encoding = json.detect_encoding(handle.read(4)).upper()
    if not encoding.startswith("UTF-8"):
        raise UserError(f"{path}: it is {encoding}, not UTF-8; {_conversion(encoding, path)}")


def column_position(column: str | int, names: Sequence[str], where: str | Path) -> int:
    """The position of ``column`` in ``names``, compared in `composed` form. ``where``: file or data set, for messages.

    Raises `UserError` unless it is there exactly once.
    """
    known, wanted = [composed(name) for name in names], composed(column)
    if wanted not in known:
        marks = [mark for mark in OTHER_DELIMITERS if len(names) == 1 and mark in names[0]]
        hint = f"; its delimiter is {marks[0]!r}: save with commas or as .tsv" if marks else ""
        if not hint and isinstance(column, str):
            hint = nearest(column, names).partition("; known")[0]
        raise UserError(f"{where}: no column {str(column)!r}{hint}; the columns are {listed(names)}")
    if known.count(wanted) > 1:
        raise UserError(f"{where}: the column {column!r} is a duplicate; rename one of the two")
    return known.index(wanted)
