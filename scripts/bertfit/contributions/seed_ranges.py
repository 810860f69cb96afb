"""Which seeds a study is run with: ``--config seeds=3``, ``4-6``, ``1-3+7-9`` or ``declared+4-6``."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from bertfit.core.errors import UserError

LAST_SEED = 2**31 - 1  # predictions hold seeds as int32
MOST_SEEDS = 10_000  # of a run: more are a slip of the hand


@dataclass(frozen=True)
class SeedRanges:
    """Seeds by number: ``numbers`` ascending, and with ``declared`` also those that the study declares for a run."""

    numbers: tuple[int, ...]
    declared: bool = False

    def __str__(self) -> str:
        """The value of the switch: ``declared+1-3+7-9``."""
        return "+".join([*(["declared"] if self.declared else []), *ranges(self.numbers)])


def parse(given: object) -> int | SeedRanges:
    """The value of the switch, a number of seeds or which. Raises `UserError` for any other."""
    value = str(given)
    if re.fullmatch(r"\d{1,9}", value) and 0 < int(value) <= MOST_SEEDS:
        return int(value)
    parts = re.split(r"[+ ]", value)
    pairs = [re.fullmatch(r"(\d{1,10})-(\d{1,10})", part) for part in parts if part != "declared"]
    bounds = [(int(pair[1]), int(pair[2])) for pair in pairs if pair]
    if len(bounds) < len(pairs) or any(first > last for first, last in bounds):
        raise UserError(
            f"--config seeds={value}: give a whole number, at least 1 and at most {MOST_SEEDS:,}, or which seeds, "
            "such as 4-6, 1-3+7-9 or declared+4-6"
        )
    if sum(last - first + 1 for first, last in bounds) > MOST_SEEDS or any(last > LAST_SEED for _, last in bounds):
        raise UserError(f"--config seeds={value}: give at most {MOST_SEEDS:,} seeds, each at most {LAST_SEED:,}")
    numbers = {seed for first, last in bounds for seed in range(first, last + 1)}
    return SeedRanges(tuple(sorted(numbers)), "declared" in parts)


def ranges(numbers: Collection[int]) -> list[str]:
    """Whole numbers as ranges: ``["1-3", "7-7"]`` for 1, 2, 3 and 7."""
    ends: list[list[int]] = []
    for number in sorted(numbers):
        if ends and number == ends[-1][1] + 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    return [f"{first}-{last}" for first, last in ends]
