"""Files of any kind: the texts of one column, row by row; the names of the columns; the number of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from bertfit.core import row_readers
from bertfit.core.errors import UserError
from bertfit.core.row_readers import Value, column_position, composed, explain_errors

KINDS = {".csv": ",", ".tsv": "\t", ".jsonl": "", ".json": "", ".parquet": ""}
"""supported endings, and the delimiters"""
BATCH = 1024  # rows of a Parquet file in memory


def read_column(path: Path, column: str | int, where: Mapping[str, Value] = MappingProxyType({})) -> Iterator[str]:
    """The texts of ``column`` (its position from 0 if there is no header), in the order of the file.

    ``where``: column -> value of the rows that count; empty: all.

    A missing cell gives an empty text. Raises `UserError` for a file that is missing, of an unknown kind, not UTF-8 or
    incomplete, and for a missing column.
    """
    kind = _checked(path)
    if where:
        rows = zip(read_column(path, column), *(read_column(path, name) for name in where), strict=True)
        yield from (text for text, *cells in rows if row_readers.satisfies(cells, where))
        return
    with explain_errors(path):
        if kind == ".parquet":
            yield from _parquet(path, column)
        elif delimiter := KINDS[kind]:
            yield from (cell for (cell,) in row_readers.delimited(path, delimiter, [column]))
        else:
            yield from _json(path, composed(column))


def column_names(path: Path) -> list[str]:
    """The cells of the first line of a CSV or TSV file, the columns of Parquet, or the keys of the first JSON object.

    Raises `UserError` as `read_column`.
    """
    kind = _checked(path)
    with explain_errors(path):
        if kind == ".parquet":
            import pyarrow.parquet as pq

            with _whole_parquet(path):
                return list(pq.read_schema(path).names)
        if delimiter := KINDS[kind]:
            return row_readers.first_row(path, delimiter)
        return list(next(row_readers.objects(path, []), {}))


def count_rows(path: Path) -> int:
    """Number of rows, the header of a CSV or TSV file with them; of lines where the kind of file is not in `KINDS`.

    A text with line ends is one row: the file is parsed. Raises `UserError` as `read_column`.
    """
    kind = path.suffix.lower()
    with explain_errors(path):
        if kind == ".parquet":
            import pyarrow.parquet as pq

            with _whole_parquet(path):
                return pq.read_metadata(path).num_rows
        if delimiter := KINDS.get(kind):
            return row_readers.count_delimited(path, delimiter)
        if kind in KINDS and row_readers.is_array(path):
            return sum(1 for _ in row_readers.objects(path, []))
        with open(path, "rb") as handle:
            return sum(1 for line in handle if line.strip())


def _checked(path: Path) -> str:
    """The ending of a file that exists, is of a supported kind and has content."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise UserError(f"{path}: unknown ending {path.suffix!r}; give a file that ends in {', '.join(KINDS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file; correct the path")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; copy or download it again")
    return kind


def _json(path: Path, column: str) -> Iterator[str]:
    """Values that are not texts as JSON; in rows after the first an absent key is an empty text."""
    for number, row in enumerate(row_readers.objects(path, [column])):
        if not number:
            column_position(column, list(row), path)
        value = row.get(column)
        yield "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _parquet(path: Path, column: str | int) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _whole_parquet(path), pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        name = names[column_position(column, names, path)]
        kind = file.schema_arrow.field(name).type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind):
            raise UserError(f"{path}: column {column!r} holds {kind}, not text; name another column")
        for batch in file.iter_batches(BATCH, columns=[name]):
            yield from (text or "" for text in batch[name].cast(pa.string()).to_pylist())


@contextmanager
def _whole_parquet(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise UserError(f"{path}: not a complete Parquet file ({error}); copy or download it again") from error
