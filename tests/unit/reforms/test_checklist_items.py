"""The list of items: 32 in 8 modules, numbered without gaps."""

from __future__ import annotations

from collections import Counter

from bertfit.reforms.checklist_items import ITEMS, MODULES


def test_items_and_modules() -> None:
    """The numbers of items by module are those of Table 1 of the paper."""
    assert len(ITEMS) == 32 and len(MODULES) == 8
    assert Counter(number[0] for number in ITEMS) == dict(zip("12345678", (3, 5, 7, 3, 6, 3, 3, 2), strict=True))
    assert list(ITEMS) == sorted(ITEMS)
    for module in "12345678":
        letters = "".join(number[1] for number in ITEMS if number[0] == module)
        assert letters == "abcdefg"[: len(letters)]
    assert len(set(ITEMS.values())) == 32
