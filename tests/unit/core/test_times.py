"""Times of a column: what they are, and the message for a cell that is none."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from bertfit.core import times
from bertfit.core.errors import UserError


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2019", "-5", " +3 "], [2019, -5, 3]),
        (["2019", "2.5", "1e3"], [2019.0, 2.5, 1000.0]),
        (["1" * 30], [float("1" * 30)]),
        (["1556902800123456789"], [1556902800123456789]),
        (["2019-05-03", "2019-05"], [datetime(2019, 5, 3), datetime(2019, 5, 1)]),
        (["2019-05-03 17:45", "2019-05-03T17:45:06.5"],
         [datetime(2019, 5, 3, 17, 45), datetime(2019, 5, 3, 17, 45, 6, 500000)]),
        (["2019-05-03T02:00+02:00", "2019-05-03T01:00Z"],
         [datetime(2019, 5, 3, 0, tzinfo=UTC), datetime(2019, 5, 3, 1, tzinfo=UTC)]),
        ([], []),
    ],
)  # fmt: skip
def test_numbers_or_datetimes(cells: list[str], expected: list[object]) -> None:
    parsed = times.parse(cells, "f.csv")
    assert parsed == expected and [type(value) for value in parsed] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["2019", ""], "f.csv: row 2 has no time; fill or remove the row"),
        ([None], "f.csv: row 1 has no time; fill or remove the row"),
        (["5/3/2019"], f"f.csv: row 1 has '5/3/2019', which is no time; {times.CURE}"),
        (["2019-02-30"], f"f.csv: row 1 has '2019-02-30', which is no time; {times.CURE}"),
        (["1", "nan"], f"f.csv: row 2 has 'nan', which is no time; {times.CURE}"),
        (["1e999"], f"f.csv: row 1 has '1e999', which is no time; {times.CURE}"),
        (["٣"], f"f.csv: row 1 has '٣', which is no time; {times.CURE}"),
        (["0001-01-01T00:00+05:00"], f"f.csv: row 1 has '0001-01-01T00:00+05:00', which is no time; {times.CURE}"),
        (["2019-05-03", "2019"],
         f"f.csv: row 2 has '2019', a number, and row 1 has a date without time zone; {times.CURE}"),
        (["2019-05-03T00:00Z", "2019-05-03"],
         f"f.csv: row 2 has '2019-05-03', a date without time zone, and row 1 has a date with a time zone; "
         f"{times.CURE}"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named(cells: list[str | None], message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        times.parse(cells, "f.csv")


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (2019, "2019"), (2.5, "2.5"), (2019.0, "2019"),
        (datetime(2019, 5, 3), "2019-05-03"),
        (datetime(2019, 5, 3, 17, 45), "2019-05-03 17:45"),
        (datetime(2019, 5, 3, 17, 45, 6), "2019-05-03 17:45:06"),
        (datetime(2019, 5, 3, tzinfo=UTC), "2019-05-03 00:00 UTC"),
    ],
)  # fmt: skip
def test_a_time_is_shown(time: float | datetime, text: str) -> None:
    assert times.shown(time) == text
