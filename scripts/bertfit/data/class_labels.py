"""Class names and numbers, from what is written as a label.

R rows of a table; a label is a whole number or a text without white space around it (`local_files`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bertfit.core.errors import UserError, listed, nearest, plain


def declared(table: pa.Table) -> list[str] | None:
    """The class names in a table's metadata, if there are any."""
    names = (table.schema.metadata or {}).get(b"label_names")
    return json.loads(names) if names else None


def named(table: pa.Table) -> pa.Table:
    """The labels as texts; whole numbers are written as such, since a table makes 1.0 of the 1 beside an empty cell."""
    labels = table["label"].cast(pa.string())
    if pc.all(pc.match_substring_regex(labels, r"^-?\d+(\.0+)?$")).as_py():
        labels = pc.replace_substring_regex(labels, r"\.0+$", "")
    return table.set_column(table.column_names.index("label"), "label", labels)


def names(column: pa.ChunkedArray, where: str) -> list[str]:
    """Class names where nobody gives any: the sorted values, numbers as numbers.

    Raises `UserError`, with their rows, for two that a reader takes for one: Pos and pos, 1 and 01.
    """
    values = [value for value in column.unique().to_pylist() if value is not None]
    alike: dict[str, str] = {}
    for value in values:
        other = alike.setdefault(_sight(value), value)
        if other != value:
            rows = [pc.index(column, one).as_py() + 1 for one in (other, value)]
            raise UserError(
                f"{where}: the labels '{plain(other)}' (row {rows[0]}) and '{plain(value)}' (row {rows[1]}) look like "
                "one class; write it one way, or list both in `label_names` of the source if they are two"
            )
    numbers = all(_number(value) is not None for value in values)
    return sorted(values, key=lambda value: ((_number(value) or 0) if numbers else 0, value))


def numbers(column: pa.ChunkedArray, names: list[str], first: int | None, where: str) -> npt.NDArray[np.int32]:
    """(R,) class numbers: texts are names, or else, like integers, numbers that count from ``first``.

    ``first`` is None where the values themselves gave the names. Raises `UserError`, with the row, for a label that is
    missing or unknown.
    """
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py() + 1
        raise UserError(f"{where}: row {row} has no label (rows without: {column.null_count}); fill or remove them")
    values = column.unique().to_pylist()
    places = {name: place for place, name in enumerate(names)}
    if first is None or any(isinstance(value, str) and value in places for value in values):
        found = {value: places[value] for value in values if value in places}
    else:
        found = {value: number - first for value in values if (number := _number(str(value))) is not None}
    for value in values:
        if not 0 <= found.get(value, -1) < len(names):
            row = pc.index(column, pa.scalar(value, column.type)).as_py() + 1
            count = "" if first is None else f", numbers count from {first}"
            shown = f"'{plain(value)}'" if isinstance(value, str) else value
            hint = nearest(str(value), names).partition("; known")[0]
            raise UserError(f"{where}: row {row} has the label {shown}{hint}; the classes are {listed(names)}{count}")
    codes = pc.index_in(column, value_set=pa.array(values, column.type)).to_numpy()
    return np.array([found[value] for value in values], np.int32)[codes]


def renamed(
    labels: npt.NDArray[np.int32], declared: list[str] | None, names: list[str], where: str
) -> npt.NDArray[np.int32]:
    """Class numbers in the order of ``names``, from numbers in the order that the file declares."""
    if declared is not None and set(declared) == set(names):
        return np.array([names.index(name) for name in declared], np.int32)[labels]
    if declared is None or len(declared) == len(names):
        return labels
    raise UserError(
        f"{where}: it declares {len(declared)} classes ({listed(declared)}) where {len(names)} are "
        f"expected; correct `label_names` of the source"
    )


def _number(text: str) -> int | None:
    """The number that digits alone are; no class has one that is longer than int64."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _sight(label: str) -> str:
    """What a reader sees of a label: no case, no invisible characters, one kind of blank, a number's value."""
    visible = "".join(one for one in unicodedata.normalize("NFKC", label) if unicodedata.category(one) != "Cf")
    seen = " ".join("".join(one if one.isprintable() else " " for one in visible).casefold().split())
    return str(Fraction(seen)) if re.fullmatch(r"[+-]?\d{1,99}(\.\d{1,99})?", seen) else seen
