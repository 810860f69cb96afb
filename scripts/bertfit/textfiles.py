"""The texts in one column of a CSV, TSV, JSONL or Parquet file, row by row: of a long file one piece is in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from .errors import UserError, nearest
from .textrows import delimited, invalid_utf8

KINDS = {".csv": ",", ".tsv": "\t", ".jsonl": "", ".parquet": ""}
"""endings, and what stands between the cells"""
BATCH = 1024  # rows of a Parquet file in memory


def read(path: Path, column: str | int) -> Iterator[str]:
    """The texts under ``column`` (its position from 0 where there is no header), in the order of the file.

    A missing cell is the empty text. Raises `UserError` for a file that is missing, of another kind, not UTF-8 or not
    whole, and, with the nearest name, for a column that is not there.
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


def rows(path: Path) -> int:
    """Rows of a file: of Parquet as it says, of the others its lines, which are more where texts hold line ends."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_metadata(path).num_rows
    with open(path, "rb") as handle:
        return sum(piece.count(b"\n") for piece in iter(lambda: handle.read(1 << 20), b""))


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
            if first and name not in row:  # later rows may lack it: an empty text
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
        raise UserError(f"{path}: not a whole Parquet file ({error}); copy or download it again") from error


def _missing(path: Path, column: str | int, names: Iterable[str]) -> UserError:
    names = list(names)
    return UserError(
        f"{path}: no column {column!r}{nearest(str(column), names)}; the columns are {', '.join(map(str, names))}"
    )
