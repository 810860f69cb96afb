"""Rows of a corpus from files on disk, as an Arrow table: one string column per field, and ``label`` as in the file.

Where the source declares a group column, `GROUP` holds its values as text, null where the cell is missing or blank.
Where it declares a column of times, `TIME` holds them in the training split, as numbers or timestamps, never null.

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
from bertfit.core import times
from bertfit.core.errors import UserError
from bertfit.core.row_readers import column_position, composed, delimited, explain_errors, objects, trec
from bertfit.data import label_lists

ENDINGS = {".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".json": "jsonl", ".label": "trec"}
Columns = Mapping[str, str | int]
GROUP, TIME = "@group", "@time"
"""columns of the groups and of the times; no field begins with @"""


def read(source: LocalSource, split: str, path: Path) -> pa.Table:
    """All rows of ``path`` in file order: the columns of ``source.columns``, without nulls, and ``label``.

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
        raise UserError(f"{path}: no rows (the {split} split)")
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
    named: bool = False,
    multilabel: str | None = None,
) -> pa.Table:
    """The fields, label and `attributes` (``others``) of a table with named columns. ``where``: file or data set.

    ``named``: the source names its classes, so that a text such as 1.5 can be one; ``multilabel``: see `Copy`. Raises
    `UserError` for a missing or duplicate column, and for one that holds no text, no classes or no times.
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
        name: _ATTRIBUTES[name](table[names[column]], f"{where}: column {column!r}") for name, column in others.items()
    }
    return pa.table({**fields, "label": _labels(table[names[label]], where, named, multilabel), **given})


def _groups(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Values as text without white space around them, null if missing or blank; whole floats as integers."""
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        raise UserError(f"{where} holds {column.type}, and a group is one text or number; write it so")
    if pa.types.is_floating(column.type):  # integers beside missing cells
        column = column.cast(pa.float64())
        column = pc.if_else(pc.is_nan(column), None, column)
        if pc.all(pc.less(pc.abs(column), 2**53)).as_py() and pc.all(pc.equal(pc.floor(column), column)).as_py():
            column = column.cast(pa.int64())
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _times(column: pa.ChunkedArray, where: str) -> pa.Array:
    """Values as int64, float64 or timestamps, with the time zone UTC where the file has one. See `times.parse`."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us", "UTC" if getattr(kind, "tz", None) else None), safe=False)
    elif pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise UserError(f"{where} holds {kind}, and no times; {times.CURE}")
    return pa.array(times.parse(column.cast(pa.string()).to_pylist(), where))


_ATTRIBUTES = {GROUP: _groups, TIME: _times}
NUMBER = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"


def _labels(
    column: pa.ChunkedArray, where: str, named: bool, multilabel: str | None = None
) -> pa.ChunkedArray | pa.Array:
    """Integers, also those that missing cells turned into floats, as int64; other labels as stripped text.

    Raises `UserError` for numbers that are not all whole, also where they are texts and not ``named`` as classes.
    """
    if multilabel is not None:
        return label_lists.parse(column.to_pylist(), multilabel, where)
    kind = column.type
    if pa.types.is_nested(kind):
        raise UserError(
            f"{where}: the labels are of the type {kind}; write one class per row, as text or whole number, or, for "
            "lists of labels, give MULTILABEL=json"
        )
    try:
        if pa.types.is_floating(kind):
            column = column.cast(pa.float64())
            column = pc.if_else(pc.is_nan(column), None, column)
            _check_whole(column, where)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return column.cast(pa.int64())
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
        texts = pc.if_else(pc.equal(texts, ""), None, texts)
    except pa.ArrowException as error:
        raise UserError(f"{where}: the labels are not classes ({error}); write whole numbers or texts") from error
    if not named and pc.all(pc.match_substring_regex(texts, NUMBER)).as_py():  # None, where there is no label at all
        _check_whole(texts.cast(pa.float64()), where)
    return texts


def _check_whole(numbers: pa.ChunkedArray, where: str) -> None:
    """Refuse numbers that are not whole: they are scores, and each would become a class of its own."""
    fractional = pc.index(pc.fill_null(pc.equal(pc.floor(numbers), numbers), True), False).as_py()
    if fractional >= 0:
        raise UserError(
            f"{where}: row {fractional + 1} has {numbers[fractional]}; numbers with a fraction are scores, not "
            "classes: write whole numbers or texts"
        )


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
    selected = select(table, source.columns, source.label, str(path), attributes(source, split), **more)
    return selected.replace_schema_metadata({"label_names": json.dumps(names, ensure_ascii=False)} if names else None)


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
    for row in objects(path, checked):
        names.update(dict.fromkeys(row))
        for name in wanted:
            values[name].append(row.get(name))
    for name in wanted if names else ():
        column_position(name, list(names), path)
    table = {name: pa.array([_json_text(value) for value in values[name]], pa.string()) for name in columns.values()}
    table |= {label: _json_labels(values[label], source.multilabel, str(path))}
    table |= {name: pa.array(map(_json_text, values[name]), pa.string()) for name in others.values()}
    more: dict[str, Any] = {"named": source.label_names is not None, "multilabel": source.multilabel}
    return select(pa.table(table), columns, label, str(path), others, **more)


def _wanted(source: LocalSource, split: str) -> list[str | int]:
    """The columns to read, each once: texts, label, group, time."""
    return list(dict.fromkeys([*source.columns.values(), source.label, *attributes(source, split).values()]))


def _json_labels(values: Sequence[Any], multilabel: str | None, where: str) -> pa.Array:
    """Labels as int64 if all are integers, as in Parquet; otherwise as text. Of several, as lists of texts."""
    if multilabel is not None:
        return label_lists.parse(values, multilabel, where)
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
    for row in delimited(path, delimiter, wanted):
        for column, cell in zip(columns, row, strict=True):
            column.append(cell)
    read = [pa.chunked_array([pa.array(values, pa.string())]) for values in columns]
    texts, (labels, *cells) = read[: len(source.columns)], read[len(source.columns) :]
    named = source.label_names is not None
    read_labels = _labels(labels, str(path), named, source.multilabel)
    table = dict(zip(source.columns, texts, strict=True)) | {"label": read_labels}
    for (name, key), values in zip(others.items(), cells, strict=True):
        table[name] = _ATTRIBUTES[name](values, f"{path}: column {key!r}")
    return pa.table(table)
