"""Cells that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bertfit.artefacts import figure_style, paper_comparison
from bertfit.core import formatting


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\tplain", "\rplain", "\nplain", "  =1", "\u00a0=1", "＝1", "\t"]
)
def test_what_would_begin_a_formula_is_text(text: str) -> None:
    assert formatting.spreadsheet_safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "good film", "a=b", "1-1", "'quoted", "100 %", "–", "émoji 😀", "\u202eabc"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert formatting.spreadsheet_safe(text) == text


def test_tables_for_spreadsheets_hold_texts_and_numbers(tmp_path: Path) -> None:
    record = {"row": "=1+1", "column": "@IMDb", "n": 2, "mean": -1.5, "published": "-2.5", "note": '+2, "so"'}
    paper_comparison.write_csv([record, {"row": "usual", "mean": 3.0}], list(record), tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            list(record),
            ["'=1+1", "'@IMDb", "2", "-1.5000", "-2.5", '\'+2, "so"'],
            ["usual", "", "", "3.0000", "", ""],
        ]


def test_a_figure_takes_a_name_for_a_name(tmp_path: Path) -> None:
    name = "$\\frac{ <script>alert(1)</script> & 5 $"
    with figure_style.context():
        figure = Figure()
        figure.suptitle(name)
        figure.savefig(tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<script" not in text
