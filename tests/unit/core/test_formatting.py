"""Numbers, times, tables and texts as readers see them; cells that a spreadsheet would take for a formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bertfit.core import formatting


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\tplain", "\rplain", "\nplain", "  =1", "\u00a0=1", "＝1", "\t"]
)
def test_what_would_begin_a_formula_is_text(text: str) -> None:
    assert formatting.spreadsheet_safe(text) == f"'{text}"


def test_a_class_that_is_a_number_stays_one() -> None:
    names = ["-1", "+1", "1.5", "-x", "=1", "-1\n"]
    assert [formatting.spreadsheet_safe_label(name) for name in names] == ["-1", "+1", "1.5", "'-x", "'=1", "'-1\n"]


@pytest.mark.parametrize("text", ["", " ", "good film", "a=b", "1-1", "'quoted", "100 %", "–", "émoji 😀", "\u202eabc"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert formatting.spreadsheet_safe(text) == text


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (
            formatting.duration,
            {
                None: "–", 0.0434: "0.043 s", 9.9: "9.9 s", 59.4: "59 s", 59.6: "1 min 0 s", 185: "3 min 5 s",
                3599.6: "1 h 0 min", 7800: "2 h 10 min", 360_000: "100 h 0 min",
            },
        ),
        (
            formatting.hours,
            {
                0: "0 s", 0.5 / 3600: "0.5 s", 0.01: "36 s", 0.05: "3.0 min", 0.5: "30 min", 2.0: "2.0 h", 240: "10 d",
            },
        ),
        (formatting.clock, {0.4: "0:00", 61: "1:01", 59.6: "1:00", 3600: "1:00:00", 90061: "25:01:01"}),
        (formatting.count, {950: "950", 12_345: "12.3k", 4.1e6: "4.1M", 2e9: "2.0G"}),
        (
            formatting.size,
            {
                None: "–", 0: "0 B", 12: "12 B", 1000: "1.0 kB", 4.1e6: "4.1 MB", 487e6: "487 MB", 1.23e9: "1.2 GB",
                2.5e9: "2.5 GB", 123.4e9: "123 GB", 3e12: "3.0 TB",
            },
        ),
        (
            formatting.energy,
            {
                None: "–", 0.0: "0 J", 8.6e-8: "0.31 J", 9.9e-6: "36 J", 1e-5: "0.01 Wh", 0.035: "35 Wh",
                0.1: "0.1 kWh", 1.234: "1.2 kWh", 12.3: "12 kWh", 1234.5: "1,234 kWh",
            },
        ),
        (formatting.tera, {6.8e10: "68 GFLOP/s", 1.2e14: "120 TFLOP/s"}),
        (formatting.probability, {None: "", 0.0009: "< 0.001", 0.001: "0.001", 0.25: "0.250"}),
    ],
)  # fmt: skip
def test_numbers_as_text(form: Callable[[Any], str], texts: dict[Any, str]) -> None:
    assert {value: form(value) for value in texts} == texts


def test_a_padded_table() -> None:
    assert formatting.table(["cell", "p"], [["a", "0.25"], ["long name", ""]], "lr", padded=True) == [
        "| cell      |    p |",
        "| --------- | ---: |",
        "| a         | 0.25 |",
        "| long name |      |",
    ]


def test_a_table_by_column() -> None:
    assert formatting.table(["a", "b", "c", "d"], [["1", "", "23456", "4"]], "llr") == [
        "| a | b | c | d |",
        "| --- | --- | ---: | ---: |",
        "| 1 |  | 23456 | 4 |",
    ]
    assert formatting.table(["a", "b"], [], "lrrrl") == ["| a | b |", "| --- | ---: |"]


def test_markup_is_escaped_once() -> None:
    assert formatting.escape_markdown(r"a\|b *c* _d_ <e> `f` [g]") == r"a\\\|b \*c\* \_d\_ \<e> \`f\` [g]"
    assert formatting.escape_markdown("[g]", formatting.MARKUP + "[]") == r"\[g\]"
