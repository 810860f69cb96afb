"""Class names and class numbers of a column of labels.

Labels are integers or text without surrounding white space (`local_files`). Shapes: R rows of a table.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bertfit.core.errors import UserError, listed, nearest, plain, row_number

SEPARATORS = (";", "|", ",")


def declared(table: pa.Table) -> list[str] | None:
    """The class names in a table's metadata; None if it has none."""
    names = (table.schema.metadata or {}).get(b"label_names")
    return json.loads(names) if names else None


def as_text(table: pa.Table) -> pa.Table:
    """The table with labels as text; 1.0 becomes "1", as a missing cell turns integers into floats."""
    labels = table["label"].cast(pa.string())
    if pc.all(pc.match_substring_regex(labels, r"^-?\d+(\.0+)?$")).as_py():
        labels = pc.replace_substring_regex(labels, r"\.0+$", "")
    return table.set_column(table.column_names.index("label"), "label", labels)


def infer_names(column: pa.ChunkedArray, where: str, rows: Sequence[int] | None = None) -> list[str]:
    """Class names of a source that declares none: the distinct labels, sorted, numerically if all are numbers.

    ``rows``: the number of each label's row in the file; None: one row after the other.

    Raises `UserError`, with the rows, for two labels that look alike, such as Pos and pos, or 1 and 01, and for cells
    that look like several labels, such as news;sport beside news and sport.
    """

    def row(label: str) -> int:
        return row_number(pc.index(column, label).as_py(), rows)

    values = [value for value in column.unique().to_pylist() if value is not None]
    if mark := separator(values):
        example = next(value for value in values if mark in value)
        switch = f"MULTILABEL='{mark}' (after --config 'multilabel=[\"{mark}\"]')"
        raise UserError(
            f"{where}: row {row(example)} has the label '{plain(example)}', which looks like several labels of a text; "
            f"give {switch}; if such a cell is one class, list all classes in `label_names` of the source"
        )
    seen: dict[str, str] = {}
    for value in values:
        other = seen.setdefault(_normalized(value), value)
        if other != value:
            pair = " and ".join(f"'{plain(label)}' (row {row(label)})" for label in (other, value))
            raise UserError(
                f"{where}: the labels {pair} look like one class; write it one way, or list both in `label_names` of "
                "the source if they are two"
            )
    numeric = all(_number(value) is not None for value in values)
    return sorted(values, key=lambda value: ((_number(value) or 0) if numeric else 0, value))


def separator(labels: Sequence[str]) -> str | None:
    """The character that separates several labels of one cell in distinct ``labels``; None if there seems to be none.

    The parts of separated labels come back in other cells, so that there are no more parts than cells; the parts of a
    name such as ``R|S`` do not.
    """
    for mark in SEPARATORS:
        parts = {part.strip() for label in labels for part in label.split(mark)} - {""}
        if any(mark in label.strip(mark) for label in labels) and len(parts) <= len(labels):
            return mark
    return None


def encode(
    column: pa.ChunkedArray, names: list[str], first: int | None, where: str, rows: Sequence[int] | None = None
) -> npt.NDArray[np.int32]:
    """(R,) class numbers from 0: of text labels by their names, else of integers that count from ``first``.

    ``first`` is None if the names were inferred from the labels; ``rows``: see `infer_names`. Raises `UserError`, with
    the row, for a label that is missing or unknown.
    """
    if column.null_count:
        row = row_number(pc.index(column.is_null(), True).as_py(), rows)
        raise UserError(f"{where}: row {row} has no label (rows without: {column.null_count}); fill or remove them")
    values = column.unique().to_pylist()
    index = {name: number for number, name in enumerate(names)}
    if first is None or any(isinstance(value, str) and value in index for value in values):
        encoded = {value: index[value] for value in values if value in index}
    else:
        encoded = {value: number - first for value in values if (number := _number(str(value))) is not None}
    for value in values:
        if not 0 <= encoded.get(value, -1) < len(names):
            row = row_number(pc.index(column, pa.scalar(value, column.type)).as_py(), rows)
            count = "" if first is None else f", numbers count from {first}"
            shown = f"'{plain(value)}'" if isinstance(value, str) else value
            hint = nearest(str(value), names).partition("; known")[0]
            cure = (
                "rows to learn it from, or leave this row out" if first is None else "it to `label_names` of the source"
            )
            raise UserError(
                f"{where}: row {row} has the label {shown}{hint}; the classes are {listed(names)}{count}; correct the "
                f"label, or add {cure}"
            )
    codes = pc.index_in(column, value_set=pa.array(values, column.type)).to_numpy()
    return np.array([encoded[value] for value in values], np.int32)[codes]


def reorder(
    labels: npt.NDArray[np.int32], declared: list[str] | None, names: list[str], where: str
) -> npt.NDArray[np.int32]:
    """(R,) class numbers in the order of ``names``, from numbers in the order of ``declared``, the names in the file.

    Raises `UserError` if the number of classes differs.
    """
    if declared is not None and set(declared) == set(names):
        return np.array([names.index(name) for name in declared], np.int32)[labels]
    if declared is None or len(declared) == len(names):
        return labels
    raise UserError(
        f"{where}: declares {len(declared)} classes ({listed(declared)}) where {len(names)} are "
        f"expected; correct `label_names` of the source"
    )


def _number(text: str) -> int | None:
    """The value of a text of at most 18 digits (int64); None for other texts."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _normalized(label: str) -> str:
    """A label without case, invisible characters and repeated blanks; of a number its value."""
    visible = "".join(char for char in unicodedata.normalize("NFKC", label) if unicodedata.category(char) != "Cf")
    text = " ".join("".join(char if char.isprintable() else " " for char in visible).casefold().split())
    return str(Fraction(text)) if re.fullmatch(r"[+-]?\d{1,99}(\.\d{1,99})?", text) else text
