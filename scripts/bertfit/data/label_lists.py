"""Several labels a text: the cells of a column as lists of labels, and the sets of classes that they name.

Shapes: R rows of a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from bertfit.core import label_sets
from bertfit.core.errors import UserError, listed, nearest, plain, row_number
from bertfit.core.label_sets import LabelSets
from bertfit.data import class_labels

JSON = "json"
"""in place of a separator: the cells are JSON lists"""


def parse(cells: Iterable[Any], separator: str, where: str, numbers: Sequence[int] | None = None) -> pa.Array:
    """(R,) lists of labels as texts without white space around them, of cells: lists, or texts with ``separator``.

    Empty parts are left out, so that an empty or missing cell is a text without a label. Raises `UserError`, with the
    row (``numbers``: see `errors.row_number`), for a cell that is neither.
    """
    rows = [
        _labels(cell, separator, f"{where}: row {row_number(position, numbers)}") for position, cell in enumerate(cells)
    ]
    return pa.array(rows, pa.list_(pa.string()))


def infer_names(column: pa.ChunkedArray, where: str, numbers: Sequence[int] | None = None) -> list[str]:
    """Class names of a column of lists of labels, as `class_labels.infer_names` gives them."""
    labels = [
        (row_number(position, numbers), label) for position, of_row in enumerate(column.to_pylist()) for label in of_row
    ]
    if not labels:
        raise UserError(f"{where}: no row has a label; name the column of the labels, or correct the separator")
    rows, flat = zip(*labels, strict=True)
    return class_labels.infer_names(pa.chunked_array([pa.array(flat, pa.string())]), where, rows)


def number(
    tables: Mapping[str, pa.Table],
    names: Sequence[str],
    first: int | None,
    where: Mapping[str, str],
    numbers: Mapping[str, Sequence[int] | None] = MappingProxyType({}),
) -> tuple[dict[str, pa.Table], LabelSets]:
    """The tables of all splits with numbers of sets of classes in place of their lists of labels, and these sets.

    ``first`` is the number of the first class where labels are numbers; None if ``names`` were inferred from the
    labels. ``where``: split -> file; ``numbers``: split -> those of its rows (`errors.row_number`). Raises `UserError`,
    with the row, for an unknown label.
    """
    rows = {
        split: _encode(table["label"], names, first, where[split], numbers.get(split))
        for split, table in tables.items()
    }
    of_rows, sets = label_sets.number(classes for of_split in rows.values() for classes in of_split)
    ends = np.cumsum([len(of_split) for of_split in rows.values()])[:-1]
    numbered = {}
    for (split, table), labels in zip(tables.items(), np.split(of_rows, ends), strict=True):
        numbered[split] = table.set_column(table.column_names.index("label"), "label", pa.array(labels))
    return numbered, sets


def _labels(cell: Any, separator: str, where: str) -> list[str]:
    if isinstance(cell, str) and separator == JSON and cell.strip():
        try:
            cell = json.loads(cell)
        except ValueError:
            cell = {}
        if not isinstance(cell, list):
            raise UserError(f'{where} has labels that are no JSON list; write ["one", "two"], or give the separator')
    parts = cell.split(separator) if isinstance(cell, str) else cell if isinstance(cell, list) else [cell]
    labels = [_text(part, where) for part in parts if part is not None]
    return [label for label in dict.fromkeys(labels) if label]


def _text(label: Any, where: str) -> str:
    """A label as text; 1.0 is 1, as a missing cell turns integers into floats, and is no label itself."""
    if isinstance(label, float):
        label = "" if label != label else int(label) if label.is_integer() else label
    is_text = isinstance(label, str) and not any("\ud800" <= char <= "\udfff" for char in label)  # UTF-8 lacks these
    if not is_text and (isinstance(label, bool) or not isinstance(label, int)):
        raise UserError(f"{where} has the label {plain(str(label))}; write labels as texts or whole numbers")
    return str(label).strip()


def _encode(
    column: pa.ChunkedArray, names: Sequence[str], first: int | None, where: str, rows: Sequence[int] | None
) -> list[list[int]]:
    """(R,) class numbers of lists of labels."""
    cells = column.to_pylist()
    numbers = {name: number for number, name in enumerate(names)}
    if first is not None and not any(label in numbers for labels in cells for label in labels):
        numbers = {str(number + first): number for number in range(len(names))}
    for position, labels in enumerate(cells):
        for label in labels:
            if label not in numbers:
                hint = nearest(label, names).partition("; known")[0]
                raise UserError(
                    f"{where}: row {row_number(position, rows)} has the label '{plain(label)}'{hint}; the classes are "
                    f"{listed(names)}"
                )
    return [[numbers[label] for label in labels] for labels in cells]
