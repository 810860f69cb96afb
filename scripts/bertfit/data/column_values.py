"""Cells of the columns that are no texts, as values: labels, groups, times. Errors name the row."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from bertfit.core import times
from bertfit.core.errors import UserError, row_number
from bertfit.data import label_lists

NUMBER = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"
Numbers = Sequence[int] | None
"""of the rows in their file, from 1; None: they are all its rows"""


def groups(column: pa.ChunkedArray, where: str, numbers: Numbers = None) -> pa.ChunkedArray:
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


def as_times(column: pa.ChunkedArray, where: str, numbers: Numbers = None) -> pa.Array:
    """Values as int64, float64 or timestamps, with the time zone UTC where the file has one. See `times.parse`."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us", "UTC" if getattr(kind, "tz", None) else None), safe=False)
    elif pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise UserError(f"{where} holds {kind}, and no times; {times.CURE}")
    return pa.array(times.parse(column.cast(pa.string()).to_pylist(), where, numbers))


def labels(
    column: pa.ChunkedArray, where: str, named: bool, multilabel: str | None = None, numbers: Numbers = None
) -> pa.ChunkedArray | pa.Array:
    """Integers, also those that missing cells turned into floats, as int64; other labels as stripped text.

    Raises `UserError` for numbers that are not all whole, also where they are texts and not ``named`` as classes.
    """
    if multilabel is not None:
        return label_lists.parse(column.to_pylist(), multilabel, where, numbers)
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
            _check_whole(column, where, numbers)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return column.cast(pa.int64())
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
        texts = pc.if_else(pc.equal(texts, ""), None, texts)
    except pa.ArrowException as error:
        raise UserError(f"{where}: the labels are not classes ({error}); write whole numbers or texts") from error
    if not named and pc.all(pc.match_substring_regex(texts, NUMBER)).as_py():  # None, where there is no label at all
        _check_whole(texts.cast(pa.float64()), where, numbers)
    return texts


def _check_whole(column: pa.ChunkedArray, where: str, numbers: Numbers) -> None:
    """Refuse numbers that are not whole: they are scores, and each would become a class of its own."""
    fractional = pc.index(pc.fill_null(pc.equal(pc.floor(column), column), True), False).as_py()
    if fractional >= 0:
        raise UserError(
            f"{where}: row {row_number(fractional, numbers)} has {column[fractional]}; numbers with a fraction are "
            "scores, not classes: write whole numbers or texts"
        )
