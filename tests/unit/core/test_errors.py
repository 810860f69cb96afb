"""Hints and names in messages: the nearest known name, long lists and texts shortened, nothing that moves a screen."""

from __future__ import annotations

import pytest

from bertfit.core import errors


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("trek", ["imdb", "trec"], "; did you mean 'trec'?"),
        ("ag", ["yelp", "imdb"], "; known: imdb, yelp"),
        ("ag", [], ""),
        ("x" * 101, ["x" * 100], f"; known: {'x' * 100}"),  # too long to be compared
    ],
)
def test_the_nearest_name_or_all_of_them(word: str, known: list[str], hint: str) -> None:
    assert errors.nearest(word, known) == hint


def test_twenty_names_are_listed_and_the_others_counted() -> None:
    assert errors.listed(range(20)) == ", ".join(map(str, range(20)))
    assert errors.listed(range(2000)) == ", ".join(map(str, range(20))) + ", ... (2,000 in all)"


def test_texts_of_a_file_are_shortened_and_cannot_change_the_screen() -> None:
    assert errors.plain("x" * 100) == "x" * 100
    assert errors.plain("x" * 101) == "x" * 97 + "..."
    assert errors.plain("a\nb\x1b[31m\u202e é") == r"a\nb\x1b[31m\u202e é"


def test_rows_are_numbered_from_one_in_their_file() -> None:
    assert (errors.row_number(0, None), errors.row_number(1, [4, 9])) == (1, 9)
