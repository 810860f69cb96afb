"""Fields of a corpus and the texts that they become: names are declared, and replacements can be made."""

from __future__ import annotations

from typing import Any

import pytest

from bertfit.config.layout_schema import Layout, Replacement


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fields": ["label"]}, "none is called label"),
        ({"fields": ["@time"]}, "or begins with @"),
        ({"fields": ["a", "a"], "text": {"fields": ["a"]}}, "fields have different names"),
        ({"fields": ["a"]}, "name the field 'text'; fields are a"),
        ({"pair": {"fields": ["b"]}}, "name the field 'b'; fields are text"),
        ({"lines": ["title"]}, "name the field 'title'"),
    ],
)
def test_fields_are_declared(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout.model_validate(given)


@pytest.mark.parametrize(("pattern", "message"), [("(", "not a regular expression"), ("a*", "matches the empty text")])
def test_a_replacement_that_cannot_be_made(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Replacement(replace=pattern)
