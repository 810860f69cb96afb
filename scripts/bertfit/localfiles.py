"""Rows of a corpus from files on disk, as an Arrow table: one string column per field, and ``label`` as it is written.

``label`` is int64 or string, null where the cell is missing; `corpora` turns it into class numbers. Class names that
the file declares stand in the schema metadata under ``label_names`` (a JSON list).
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .errors import UserError, nearest
from .spec import LocalSource

ENDINGS = {".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".label": "trec"}
Columns = Mapping[str, str | int]


def read(source: LocalSource, split: str, path: Path) -> pa.Table:
    """All rows of ``path`` in file order: the columns ``source.columns`` names, null-free, and ``label``.

    Nothing is cleaned: a missing cell is the empty text, not the word "nan", and cells such as "NA" stay as they are.
    Raises `UserError` for a file that is missing, empty, not UTF-8 or not in its format, and for a missing column.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file (the {split} split); check the data folder and the path in the study")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty (the {split} split); copy or download it again")
    kind = ENDINGS.get(path.suffix) if source.format == "auto" else source.format
    try:
        if kind == "parquet":
            table = _parquet(source, path)
        elif kind == "jsonl":
            table = _jsonl(source, path)
        elif kind == "trec":
            table = _trec(path)
        elif kind in ("csv", "tsv"):
            table = _delimited(source.columns, source.label, path, "," if kind == "csv" else "\t")
        elif kind == "zhang":
            table = _delimited(source.columns, 0, path, ",")
        else:
            raise UserError(f"{path}: unknown ending {path.suffix!r}; give the source a `format` (parquet, csv, jsonl)")
    except UnicodeDecodeError as error:
        raise invalid_utf8(path) from error
    if table.num_rows == 0:
        raise UserError(f"{path}: no rows (the {split} split)")
    return table


def select(table: pa.Table, columns: Columns, label: str | int, where: str) -> pa.Table:
    """Take fields and label out of a table with named columns. ``where`` is the file or data set, for messages.

    Raises `UserError` for a column that is not there, and for one that holds no text or no class.
    """
    fields = {field: _column(table, column, where) for field, column in columns.items()}
    for field, column in columns.items():
        if pa.types.is_nested(fields[field].type) or pa.types.is_binary(fields[field].type):
            raise UserError(f"{where}: column {column!r} holds {fields[field].type}, and field {field!r} must be text")
        fields[field] = pc.fill_null(fields[field].cast(pa.string()), "")
    return pa.table({**fields, "label": _labels(_column(table, label, where), where)})


def _column(table: pa.Table, column: str | int, where: str) -> pa.ChunkedArray:
    if column not in table.column_names:
        raise UserError(
            f"{where}: no column {column!r}{nearest(str(column), table.column_names)}; "
            f"the columns are {', '.join(table.column_names)}"
        )
    return table[column]


def _labels(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    try:
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            return column.cast(pa.int64())  # pandas makes a column of classes with a gap floating
        return column.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise UserError(f"{where}: the labels are not classes ({error})") from error


def _parquet(source: LocalSource, path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            wanted = {*source.columns.values(), source.label}
            here = [name for name in file.schema_arrow.names if name in wanted]
            if len(here) < len(wanted):  # read nothing: `select` names what is missing
                return select(file.schema_arrow.empty_table(), source.columns, source.label, str(path))
            table = file.read(columns=here, use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a whole Parquet file ({error}); copy or download it again") from error
    names = _declared(table.schema.metadata or {}, str(source.label))
    selected = select(table, source.columns, source.label, str(path))
    return selected.replace_schema_metadata({"label_names": json.dumps(names, ensure_ascii=False)} if names else None)


def _declared(metadata: Mapping[bytes, bytes], label: str) -> list[str] | None:
    """Class names in a Parquet schema: our own key, or the features that the `datasets` library writes."""
    if b"label_names" in metadata:
        return json.loads(metadata[b"label_names"])
    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return features.get(label, {}).get("names")


def _jsonl(source: LocalSource, path: Path) -> pa.Table:
    rows = list(objects(path, list(map(str, source.columns.values()))))
    names = list(dict.fromkeys(key for row in rows for key in row))
    wanted = [name for name in names if name in {*source.columns.values(), source.label}]
    table = pa.table(
        {name: _json_column([row.get(name) for row in rows]) for name in wanted}
        | {name: pa.nulls(len(rows)) for name in names if name not in wanted}
    )
    return select(table, source.columns, source.label, str(path))


def objects(path: Path, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file, one in memory; what stands under ``texts`` is a text, a number or nothing."""
    with open(path, encoding="utf-8-sig", newline="\n") as handle:  # only "\n" ends a row: U+2028 is text
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"{path}:{number}: not JSON ({error}); each line must be one object") from error
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number}: not a JSON object; each line must be one object")
            for column in texts:
                value = row.get(column)
                if not isinstance(value, str | int | float | None):
                    raise UserError(f"{path}:{number}: {column!r} is not a text; name another column")
                if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
                    raise UserError(
                        f"{path}:{number}: {column!r} holds half of a surrogate pair; write the file again "
                        f"with whole characters"
                    )
            yield row


def _json_column(values: Sequence[Any]) -> pa.Array:
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values if value is not None):
        return pa.array(values, pa.int64())
    return pa.array(
        [None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values],
        pa.string(),
    )


def _trec(path: Path) -> pa.Table:
    """Lines ``LABEL:fine text``; the coarse label is the class. The one stray byte 0xF0 stands for a space."""
    fields: list[str] = []
    labels: list[str] = []
    for number, line in enumerate(path.read_bytes().replace(b"\xf0", b" ").splitlines(), 1):
        label, _, text = line.decode("latin-1").strip().partition(" ")
        coarse, colon, _ = label.partition(":")
        if not label:
            continue
        if not colon or not coarse:
            raise UserError(f"{path}:{number}: no 'LABEL:fine' at the start of the line; is this a TREC file?")
        fields.append(text)
        labels.append(coarse)
    return pa.table({"text": pa.array(fields, pa.string()), "label": pa.array(labels, pa.string())})


def _delimited(columns: Columns, label: str | int, path: Path, delimiter: str) -> pa.Table:
    wanted = [*columns.values(), label]
    cells: list[list[str]] = [[] for _ in wanted]
    for row in delimited(path, delimiter, wanted):
        for column, cell in zip(cells, row, strict=True):
            column.append(cell)
    texts = {field: pa.array(values, pa.string()) for field, values in zip(columns, cells[:-1], strict=True)}
    return pa.table({**texts, "label": pa.array([value.strip() or None for value in cells[-1]], pa.string())})


def delimited(path: Path, delimiter: str, wanted: Sequence[str | int]) -> Iterator[list[str]]:
    """The ``wanted`` cells of each row of a CSV or TSV, one row in memory.

    The usual double quotes, strict, so that a stray quote is an error and never eats rows.
    """
    headerless = isinstance(wanted[-1], int)
    if any(isinstance(column, int) != headerless for column in wanted):
        raise UserError(
            f"{path}: columns and label are {', '.join(map(repr, wanted))}; they must be all names (of a "
            f"header) or all positions from 0 (no header)"
        )
    with open(path, encoding="utf-8-sig", newline="") as handle:
        rows = _rows(handle, path, delimiter)
        start, first = next(rows, (1, []))
        names = [str(position) for position in range(len(first))] if headerless else first
        if not first:
            raise UserError(f"{path}: no rows")
        for name in map(str, wanted):
            if name not in names:
                hint = "" if headerless else nearest(name, names)
                raise UserError(f"{path}: no column {name!r}{hint}; the columns are {', '.join(names)}")
        positions = [names.index(str(name)) for name in wanted]
        for number, row in itertools.chain([(start, first)] if headerless else [], rows):
            if len(row) != len(first):
                raise UserError(
                    f"{path}:{number}: {len(row)} columns where the first line has {len(first)}; "
                    f"put texts with {'commas' if delimiter == ',' else 'tabs'} into double quotes"
                )
            yield [row[position] for position in positions]


def _rows(handle: Any, path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every row that is not an empty line."""
    csv.field_size_limit(sys.maxsize)  # a text may be longer than the default of 131,072 characters
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
    """Where a file is not UTF-8, and how to convert it."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return UserError(
            f"{path}:{line}: byte {error.start} (0x{content[error.start]:02x}) is not UTF-8; convert it, "
            f"for example: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8{path.suffix}"
        )
    return UserError(f"{path}: not UTF-8")
