"""Cells that a spreadsheet would take for a formula."""

from __future__ import annotations

import pytest

from bertfit import files


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\tplain", "\rplain", "\nplain", "  =1", "\u00a0=1", "＝1", "\t"]
)
def test_what_would_begin_a_formula_is_text(text: str) -> None:
    assert files.spreadsheet_safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "good film", "a=b", "1-1", "'quoted", "100 %", "–", "émoji 😀", "\u202eabc"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert files.spreadsheet_safe(text) == text
