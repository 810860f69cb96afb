"""Rows of a corpus from files on disk, as an Arrow table: one string column per field, and ``label`` as in the file.

Where the source names values of columns (``where``), only the rows that have them are read, and `ROW` holds their
numbers in the file. Where it declares a group column, `GROUP` holds its values as text, null where the cell is missing
or blank. Where it declares a column of times, `TIME` holds them in the training split, as numbers or timestamps, never
null.

``label`` is int64 or string, null where the cell is missing, or with ``multilabel`` a list of strings (`label_lists`);
`corpora` converts it to class numbers. Class names that the file declares are in the schema metadata under
``label_names`` (a JSON list).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.config.corpus_schema import Copy, LocalSource
from bertfit.core import row_readers
from bertfit.core.errors import UserError
from bertfit.core.row_readers import column_position, composed, delimited, explain_errors, objects, trec
from bertfit.data import column_values, label_lists
from bertfit.data.column_values import Numbers

ENDINGS = {".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".json": "jsonl", ".label": "trec"}
Columns = Mapping[str, str | int]
GROUP, TIME, ROW = "@group", "@time", "@row"
"""columns of the groups, of the times and of the rows' numbers in their file, from 1; no field begins with @"""
_ATTRIBUTES = {GROUP: column_values.groups, TIME: column_values.as_times}


def read(source: LocalSource, split: str, path: Path) -> pa.Table:
    """The rows of ``path`` in file order, all or those of ``source.where``: the columns of ``source.columns``, without
    nulls, and ``label``.

    Text is unchanged but for white space around labels: a missing cell is the empty text, not the word "nan", and "NA"
    is kept. Raises `UserError` for a file that is missing, empty, not UTF-8 or not in its format, and for a missing or
    duplicate column.
    """
    with explain_errors(path):
        if not path.is_file():
            raise UserError(
                f"{path}: no such file (the {split} split); check the data folder and the path in the study"
            )
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty (the {split} split); copy or download it again")
        kind = ENDINGS.get(path.suffix.lower()) if source.format == "auto" else source.format
        if kind == "parquet":
            table = _parquet(source, split, path)
        elif kind == "jsonl":
            table = _json(source, split, path)
        elif kind == "trec":
            table = _trec(path)
        elif kind in ("csv", "tsv"):
            table = _delimited(source, source.label, split, path, "," if kind == "csv" else "\t")
        elif kind == "zhang":
            table = _delimited(source, 0, split, path, ",")
        else:
            raise UserError(
                f"{path}: unknown ending {path.suffix!r}; save it as .csv, .tsv, .jsonl, .json or .parquet, or give "
                "the source a `format`"
            )
    if table.num_rows == 0:
        of = f" with {row_readers.described(source.where)}; correct `where` of the source" if source.where else ""
        raise UserError(f"{path}: no rows{of} (the {split} split)")
    return table


def attributes(source: Copy, split: str) -> dict[str, str | int]:
    """`GROUP` and `TIME`, as far as the source declares them -> column; times of the training split alone."""
    declared = {GROUP: source.group, TIME: source.time if split == "train" else None}
    return {name: column for name, column in declared.items() if column is not None}


def select(
    table: pa.Table,
    columns: Columns,
    label: str | int,
    where: str,
    others: Columns = MappingProxyType({}),
    *,
    numbers: Numbers = None,
    named: bool = False,
    multilabel: str | None = None,
) -> pa.Table:
    """The fields, label and `attributes` (``others``) of a table with named columns. ``where``: file or data set.

    ``numbers``: those of the rows in the file, which become the column `ROW`. ``named``: the source names its classes,
    so that a text such as 1.5 can be one; ``multilabel``: see `Copy`. Raises `UserError` for a missing or duplicate
    column, and for one that holds no text, no classes or no times.
    """
    names = {
        column: table.column_names[column_position(column, table.column_names, where)]
        for column in (*columns.values(), label, *others.values())
    }
    fields = {field: table[names[column]] for field, column in columns.items()}
    for field, column in columns.items():
        if pa.types.is_nested(fields[field].type) or pa.types.is_binary(fields[field].type):
            raise UserError(f"{where}: column {column!r} holds {fields[field].type}, and field {field!r} must be text")
        try:
            fields[field] = pc.fill_null(fields[field].cast(pa.string()), "")
        except pa.ArrowException as error:
            raise UserError(f"{where}: column {column!r} cannot be read as text ({error}); write it as text") from error
    given = {
        name: _ATTRIBUTES[name](table[names[column]], f"{where}: column {column!r}", numbers)
        for name, column in others.items()
    }
    labels = column_values.labels(table[names[label]], where, named, multilabel, numbers)
    return pa.table({**fields, "label": labels, **given, **_numbered(numbers)})


def _numbered(numbers: Numbers) -> dict[str, pa.Array]:
    return {} if numbers is None else {ROW: pa.array(numbers, pa.int32())}


def _parquet(source: LocalSource, split: str, path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            wanted = [schema.names[column_position(column, schema.names, path)] for column in _wanted(source, split)]
            table = file.read(columns=wanted, use_threads=False)
            table.validate(full=True)  # else text that is not UTF-8 would pass
    except PermissionError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a complete Parquet file ({error}); copy or download it again") from error
    try:
        names = _declared(schema.metadata or {}, str(source.label))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        if not source.label_names:
            raise UserError(
                f"{path}: the class names in its metadata are not a list of texts; give `label_names`"
            ) from error
        names = None
    more: dict[str, Any] = {"named": source.label_names is not None, "multilabel": source.multilabel}
    if source.where:
        more["numbers"] = _numbers(table, source.where, path)
        table = table.take(pc.subtract(pa.array(more["numbers"], pa.int64()), 1))
    selected = select(table, source.columns, source.label, str(path), attributes(source, split), **more)
    return selected.replace_schema_metadata({"label_names": json.dumps(names, ensure_ascii=False)} if names else None)


def _numbers(table: pa.Table, where: Mapping[str, str | int | bool], path: Path) -> list[int]:
    """Numbers, from 1, of the rows of a table that have the values of ``where``."""
    columns = []
    for column in where:
        values = table[column_position(column, table.column_names, path)]
        try:
            columns.append(values.cast(pa.string()).to_pylist())
        except pa.ArrowException as error:
            raise UserError(
                f"{path}: column {column!r} holds {values.type}, and `where` needs texts or numbers; name another"
            ) from error
    rows = enumerate(zip(*columns, strict=True), 1)
    return [number for number, cells in rows if row_readers.satisfies(cells, where)]


def _declared(metadata: Mapping[bytes, bytes], label: str) -> list[str] | None:
    """Class names in a Parquet schema: under bertfit's own key, or in the features of the `datasets` library.

    Raises `ValueError`, `TypeError` or `AttributeError` for malformed metadata.
    """
    if b"label_names" in metadata:
        names = json.loads(metadata[b"label_names"])
    else:
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        names = features.get(label, {}).get("names")
    if names is not None and (not all(isinstance(name, str) for name in names) or len(set(names)) < len(names)):
        raise ValueError("not distinct texts")
    return names


def _json(source: LocalSource, split: str, path: Path) -> pa.Table:
    columns = {field: composed(column) for field, column in source.columns.items()}
    label = composed(source.label)
    others = {name: composed(column) for name, column in attributes(source, split).items()}
    wanted = [composed(column) for column in _wanted(source, split)]
    values: dict[str, list[Any]] = {name: [] for name in wanted}
    names: dict[str, None] = {}
    checked = wanted if source.multilabel is None else [name for name in wanted if name != label]
    given = [composed(column) for column in source.where]
    numbers = []
    for number, row in enumerate(objects(path, checked), 1):
        names.update(dict.fromkeys(row))
        if row_readers.satisfies((_json_text(row.get(name)) for name in given), source.where):
            numbers.append(number)
            for name in wanted:
                values[name].append(row.get(name))
    for name in wanted if names else ():
        column_position(name, list(names), path)
    table = {name: pa.array([_json_text(value) for value in values[name]], pa.string()) for name in columns.values()}
    table |= {label: _json_labels(values[label], source.multilabel, str(path), numbers)}
    table |= {name: pa.array(map(_json_text, values[name]), pa.string()) for name in others.values()}
    more: dict[str, Any] = {"named": source.label_names is not None, "multilabel": source.multilabel}
    return select(pa.table(table), columns, label, str(path), others, numbers=numbers if given else None, **more)


def _wanted(source: LocalSource, split: str) -> list[str | int]:
    """The columns to read, each once: texts, label, group, time, those of ``where``."""
    others = (*attributes(source, split).values(), *source.where)
    return list(dict.fromkeys([*source.columns.values(), source.label, *others]))


def _json_labels(values: Sequence[Any], multilabel: str | None, where: str, numbers: Sequence[int]) -> pa.Array:
    """Labels as int64 if all are integers, as in Parquet; otherwise as text. Of several, as lists of texts."""
    if multilabel is not None:
        return label_lists.parse(values, multilabel, where, numbers)
    whole = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    if all(type(value) is int and abs(value) < 2**63 for value in whole if value is not None):
        return pa.array(whole, pa.int64())
    return pa.array([_json_text(value) for value in whole], pa.string())


def _json_text(value: Any) -> str | None:
    """Text unchanged, other values as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _trec(path: Path) -> pa.Table:
    rows = list(trec(path))
    return pa.table(
        {
            "text": pa.array([text for _, text in rows], pa.string()),
            "label": pa.array([label for label, _ in rows], pa.string()),
        }
    )


def _delimited(source: LocalSource, label: str | int, split: str, path: Path, delimiter: str) -> pa.Table:
    others = attributes(source, split)
    wanted = [*source.columns.values(), label, *others.values()]
    columns: list[list[str]] = [[] for _ in wanted]
    numbers = []
    for number, row in enumerate(delimited(path, delimiter, [*wanted, *source.where]), 1):
        if row_readers.satisfies(row[len(wanted) :], source.where):
            numbers.append(number)
            for column, cell in zip(columns, row, strict=False):
                column.append(cell)
    read = [pa.chunked_array([pa.array(values, pa.string())]) for values in columns]
    texts, (labels, *cells) = read[: len(source.columns)], read[len(source.columns) :]
    kept = numbers if source.where else None
    named = source.label_names is not None
    read_labels = column_values.labels(labels, str(path), named, source.multilabel, kept)
    table = dict(zip(source.columns, texts, strict=True)) | {"label": read_labels}
    for (name, key), values in zip(others.items(), cells, strict=True):
        table[name] = _ATTRIBUTES[name](values, f"{path}: column {key!r}", kept)
    return pa.table(table | _numbered(kept))
