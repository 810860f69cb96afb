"""Strict parser of a column of times: ISO dates and timestamps, or numbers such as years and Unix times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bertfit.core.errors import UserError, plain, row_number

Times = list[int] | list[float] | list[datetime]
"""values of one kind, which compare with each other; datetimes are all in UTC or all without a time zone"""
CURE = "write ISO dates (2019-05-03), timestamps (2019-05-03 17:45) or numbers, the same kind in every row"
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d.*", re.ASCII)  # 20190503 is a number, which has the same order
_LARGEST = 2**63


def parse(cells: Iterable[str | None], where: str, numbers: Sequence[int] | None = None) -> Times:
    """Times of the ``cells`` of a column: integers, else floats, if all are numbers, else datetimes.

    A month (2019-05) is its first day. Raises `UserError`, with the row (from 1), for a cell that is missing, is no
    time, or is of another kind than the first one; ``where`` is the file and column, for the message, and ``numbers``
    are those of the rows (`errors.row_number`).
    """
    values: list[int | float | datetime] = []
    for position, cell in enumerate(cells):
        row = row_number(position, numbers)
        text = (cell or "").strip()
        if not text:
            raise UserError(f"{where}: row {row} has no time; fill or remove the row")
        value = _value(text)
        if value is None:
            raise UserError(f"{where}: row {row} has {plain(text)!r}, which is no time; {CURE}")
        if values and _kind(value) != _kind(values[0]):
            raise UserError(
                f"{where}: row {row} has {plain(text)!r}, {_kind(value)}, and row {row_number(0, numbers)} has "
                f"{_kind(values[0])}; {CURE}"
            )
        values.append(value)
    if any(isinstance(value, float) for value in values):
        return [float(value) for value in values if not isinstance(value, datetime)]
    return values  # type: ignore[return-value]


def shown(time: float | datetime) -> str:
    """A time for readers: ``2019-05-03``, ``2019-05-03 17:45 UTC``, ``2019``."""
    if not isinstance(time, datetime):
        return str(time) if isinstance(time, int) else f"{time:.15g}"
    if time.tzinfo is None and time == time.replace(hour=0, minute=0, second=0, microsecond=0):
        return time.date().isoformat()
    seconds = "seconds" if time.second or time.microsecond else "minutes"
    return time.replace(tzinfo=None).isoformat(" ", seconds) + (" UTC" if time.tzinfo else "")


def _value(text: str) -> int | float | datetime | None:
    """A number or a datetime; None for other texts."""
    if _NUMBER.fullmatch(text):
        if text.lstrip("+-").isdigit() and len(text) < 20 and abs(int(text)) < _LARGEST:
            return int(text)
        number = float(text)
        return number if math.isfinite(number) else None
    if not _ISO.fullmatch(text):
        return None
    try:
        time = datetime.fromisoformat(f"{text}-01" if len(text) == len("2019-05") else text)
        return time.astimezone(UTC) if time.tzinfo else time
    except (ValueError, OverflowError):
        return None


def _kind(value: float | datetime) -> str:
    if not isinstance(value, datetime):
        return "a number"
    return "a date with a time zone" if value.tzinfo else "a date without time zone"
