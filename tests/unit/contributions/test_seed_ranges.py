"""Seeds as numbers and ranges; config/test_switches.py shows what a study does with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertfit.contributions import seed_ranges
from bertfit.contributions.seed_ranges import SeedRanges
from bertfit.core.errors import UserError


def test_by_hand() -> None:
    assert seed_ranges.ranges([7, 1, 2, 3]) == ["1-3", "7-7"] and seed_ranges.ranges([]) == []
    assert str(SeedRanges((1, 2, 5), declared=True)) == "declared+1-2+5-5"
    assert seed_ranges.parse(3) == seed_ranges.parse("3") == 3
    assert seed_ranges.parse("3-4+2-3") == seed_ranges.parse("2-4") == SeedRanges((2, 3, 4))


@given(st.sets(st.integers(0, 300), min_size=1), st.booleans())
def test_a_text_is_read_back(numbers: set[int], declared: bool) -> None:
    seeds = SeedRanges(tuple(sorted(numbers)), declared)
    assert seed_ranges.parse(str(seeds)) == seeds


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "3-", "a", "1e3", "declared2", None, True])
def test_other_texts_are_refused(value: object) -> None:
    with pytest.raises(UserError, match="--config seeds=.*: give a whole number, at least 1"):
        seed_ranges.parse(value)
