"""Readers of CSV, TSV, JSONL, Parquet and TREC files, row by row; errors name the line.

Files are streamed; only Parquet needs a library.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bertfit.core.errors import UserError, listed, nearest

CONVERT = "convert it, for example: iconv -f {} -t UTF-8 {} > utf8.txt"
OTHER_DELIMITERS = (";", "\t", "|")


def objects(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file; values of ``columns`` are text, numbers, booleans or null.

    Raises `UserError` for a line that is not an object, a duplicate key, and an unpaired surrogate.
    """
    check_encoding(path)
    with open(path, encoding="utf-8-sig", newline="\n") as handle:  # only "\n" ends a row: U+2028 is text
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = _DECODER.decode(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}:{number}: not JSON ({error}); each line must be one object") from error
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number}: not a JSON object; each line must be one object")
            for column in columns:
                value = row.get(column)
                if not isinstance(value, str | int | float | None):
                    raise UserError(f"{path}:{number}: {column!r} is not a text; name another column")
                if isinstance(value, str) and _SURROGATE.search(value):
                    raise UserError(
                        f"{path}:{number}: {column!r} holds an unpaired surrogate; write the file again "
                        f"with whole characters"
                    )
            yield row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("duplicate key")
    return row


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value, write null")


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
        rows = _rows(handle, path, delimiter)
        start, first = next(rows, (1, []))
        names = [str(position) for position in range(len(first))] if headerless else first
        if not first:
            raise UserError(f"{path}: no rows")
        if headerless and first == names:
            raise UserError(
                f"{path}:{start}: the first line is a header of column numbers; delete it, or name the columns"
            )
        for name in wanted:
            check_column(name, names, path)
        positions = [names.index(str(name)) for name in wanted]
        for number, row in itertools.chain([(start, first)] if headerless else [], rows):
            if len(row) != len(first):
                raise UserError(
                    f"{path}:{number}: {len(row)} columns where the first line has {len(first)}; "
                    f"put texts with {'commas' if delimiter == ',' else 'tabs'} into double quotes"
                )
            yield [row[position] for position in positions]


def _rows(handle: Any, path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every row, empty lines left out."""
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
                f"{path}:{number}: {error}; a cell that starts with a double quote must end with one, and "
                f"quotes inside are doubled"
            ) from error
        if row:
            yield number, row


def invalid_utf8(path: Path) -> UserError:
    """The error that says where a file is not UTF-8, and how to convert it."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return UserError(
            f"{path}:{line}: byte {error.start} (0x{content[error.start]:02x}) is not UTF-8; "
            + CONVERT.format("WINDOWS-1252", path.name)
        )
    return UserError(f"{path}: not UTF-8")


def check_encoding(path: Path) -> None:
    """Raise `UserError` for UTF-16 and UTF-32, recognised by a byte-order mark or NUL bytes."""
    with open(path, "rb") as handle:
        encoding = json.detect_encoding(handle.read(4)).upper()
    if not encoding.startswith("UTF-8"):
        raise UserError(f"{path}: it is {encoding}, not UTF-8; {CONVERT.format(encoding, path.name)}")


def check_column(column: str | int, names: Sequence[str], where: str | Path) -> None:
    """Raise `UserError` unless ``names`` has ``column`` exactly once. ``where``: file or data set, for the message."""
    if str(column) not in names:
        marks = [mark for mark in OTHER_DELIMITERS if len(names) == 1 and mark in names[0]]
        hint = f"; its delimiter is {marks[0]!r}: save with commas or as .tsv" if marks else ""
        if not hint and isinstance(column, str):
            hint = nearest(column, names).partition("; known")[0]
        raise UserError(f"{where}: no column {str(column)!r}{hint}; the columns are {listed(names)}")
    if list(names).count(str(column)) > 1:
        raise UserError(f"{where}: the column {column!r} is a duplicate; rename one of the two")


KINDS = {".csv": ",", ".tsv": "\t", ".jsonl": "", ".parquet": ""}
"""Supported endings and their delimiters."""
BATCH = 1024  # rows of a Parquet file in memory


def read_column(path: Path, column: str | int) -> Iterator[str]:
    """The texts of ``column`` (its position from 0 if there is no header), in the order of the file.

    A missing cell gives an empty text. Raises `UserError` for a file that is missing, of an unknown kind, not UTF-8 or
    incomplete, and for a missing column.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise UserError(f"{path}: unknown ending {path.suffix!r}; give a file that ends in {', '.join(KINDS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct the path")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; copy or download it again")
    kinds = {".parquet": _parquet, ".jsonl": _jsonl}
    return _utf8(path, kinds.get(kind, _cells)(path, column))


def count_rows(path: Path) -> int:
    """Number of rows: from the metadata of Parquet, else of lines (too large where texts contain line ends)."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_metadata(path).num_rows
    with open(path, "rb") as handle:
        return sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b""))


def _utf8(path: Path, texts: Iterable[str]) -> Iterator[str]:
    try:
        yield from texts
    except UnicodeDecodeError as error:
        raise invalid_utf8(path) from error


def _cells(path: Path, column: str | int) -> Iterator[str]:
    return (cell for (cell,) in delimited(path, KINDS[path.suffix.lower()], [column]))


def _jsonl(path: Path, column: str | int) -> Iterator[str]:
    name, first = str(column), True
    with open(path, encoding="utf-8-sig", newline="\n") as handle:  # only "\n" ends a row: U+2028 is text
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                value = row.get(name)
                text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
                text.encode()
            except (ValueError, AttributeError, RecursionError) as error:
                raise UserError(f"{path}:{number}: not a JSON object with whole characters ({error})") from error
            if first and name not in row:  # in later rows an absent key is an empty text
                raise _missing(path, column, row)
            if isinstance(value, list | dict):
                raise UserError(f"{path}:{number}: {name!r} is not a text; name another column")
            first = False
            yield text


def _parquet(path: Path, column: str | int) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if column not in names:
                raise _missing(path, column, names)
            kind = file.schema_arrow.field(column).type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                raise UserError(f"{path}: column {column!r} holds {kind}, not text; name another column")
            for batch in file.iter_batches(BATCH, columns=[column]):
                yield from (text or "" for text in batch[column].cast(pa.string()).to_pylist())
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a complete Parquet file ({error}); copy or download it again") from error


def _missing(path: Path, column: str | int, names: Iterable[str]) -> UserError:
    names = list(names)
    return UserError(
        f"{path}: no column {column!r}{nearest(str(column), names)}; the columns are {', '.join(map(str, names))}"
    )
