"""Comparison with the paper: records of cells, what is bold, notes, and CSV files."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from bertfit.artefacts import paper_comparison
from bertfit.evaluation.results_file import ErrorSummary
from bertfit.experiments.job_specs import CellSpec
from helpers import madeup


def test_tables_for_spreadsheets_hold_texts_and_numbers(tmp_path: Path) -> None:
    record = {"row": "=1+1", "column": "@IMDb", "n": 2, "mean": -1.5, "published": "-2.5", "note": '+2, "so"'}
    paper_comparison.write_csv([record, {"row": "usual", "mean": 3.0}], list(record), tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            list(record),
            ["'=1+1", "'@IMDb", "2", "-1.5000", "-2.5", '\'+2, "so"'],
            ["usual", "", "", "3.0000", "", ""],
        ]


def cell(row: str = "r", column: str = "C", status: str = "ok", **given: Any) -> CellSpec:
    values = {"row": row, "column": column, "corpus": "c", "status": status, "reason": "", "note": "", "size": None}
    run = {"encoder": "e", "recipe": row} if status == "ok" else {"encoder": None, "recipe": None}
    return CellSpec.model_validate(values | {"share": None, "seeds": [1, 2]} | run | given)


def test_a_record_by_hand(tmp_path: Path) -> None:
    """Two seeds, 10 and 20 of 200 wrong at the last evaluation, 8 and 16 at the best: 7.5 % and 6 %."""
    madeup.results(tmp_path / "results.parquet", {("c", "e", "r"): [(10, 8), (20, 16)]}, 200)
    cells = [cell(), cell("x", status="not available", reason="no files")]
    published = {"r": "5.4", "x": "/"}
    compared = paper_comparison.compare_with_paper(
        cells, tmp_path / "results.parquet", lambda one: published[one.row], comparable=True
    )
    (record, summary), (empty, nothing) = compared
    assert (record["mean"], record["mean_best"], record["published"]) == (7.5, 6.0, 5.4)
    assert record["delta_best"] == pytest.approx(0.6) and summary.mean == 7.5
    assert (record["delta_low"], record["delta_high"]) == pytest.approx((0.1, 1.1)) and record["agrees"] == "no"
    assert math.isnan(empty["published"]) and nothing is None and "mean" not in empty
    ((record, _), _) = paper_comparison.compare_with_paper(
        cells, tmp_path / "results.parquet", lambda one: "5.4", comparable=False
    )
    assert "delta_best" not in record


def summary(best: float, low: float, high: float, seeds: int = 3) -> ErrorSummary:
    """Of a best epoch, and where one more run is to be expected."""
    return ErrorSummary(seeds, best, 0.1, 0.0, 100.0, best, run_low=low, run_high=high)


def test_a_published_value_agrees_if_one_more_run_may_give_it() -> None:
    inside = paper_comparison.difference(summary(5.4, 5.2, 5.6), 5.25)
    assert list(inside.values()) == [*map(pytest.approx, (0.15, -0.05, 0.35)), "yes"]
    assert paper_comparison.difference(summary(5.4, 5.2, 5.6), 5.65)["agrees"] == "no"
    # runs that hardly differ: 5.404 is printed as 5.40, 5.406 is not
    assert paper_comparison.difference(summary(5.404, 5.403, 5.405), 5.40)["agrees"] == "yes"
    assert paper_comparison.difference(summary(5.406, 5.405, 5.407), 5.40)["agrees"] == "no"
    unknown = paper_comparison.difference(summary(5.4, math.nan, math.nan, seeds=1), 5.25)
    assert unknown == {"delta_best": pytest.approx(0.15), "delta_low": None, "delta_high": None, "agrees": None}
    assert set(paper_comparison.difference(summary(5.4, 5.2, 5.6), math.nan).values()) == {None}


def test_a_difference_in_words() -> None:
    record = {"n": 3, "delta_best": -0.4, "delta_low": -0.5, "delta_high": -0.3, "agrees": "no"}
    assert paper_comparison.difference_text(record) == ("−0.40*", "[−0.50, −0.30]")
    assert paper_comparison.difference_text(record | {"agrees": "yes"})[0] == "−0.40"
    for seeds, why in ((1, "(one seed)"), (3, "(failed runs)"), (None, "")):  # the last is an average
        assert paper_comparison.difference_text({"n": seeds, "delta_best": 0.2, "agrees": None}) == ("+0.20", why)
    assert paper_comparison.difference_text({"n": 3, "delta_best": None}) == ("–", "")


def test_how_many_agree() -> None:
    cells = [
        {"row": row, "column": "C", "agrees": agrees}
        for row, agrees in zip("abcd", ("yes", "no", "", "no"), strict=True)
    ]
    assert paper_comparison.agreement(cells) == "1 of 3 published cells agree. Not: b, C; d, C."
    assert paper_comparison.agreement(cells[:1]) == "1 of 1 published cells agree."
    assert paper_comparison.agreement(cells[2:3]) == ""


def test_bold_are_the_lowest_of_a_column_and_what_is_not_shown_to_be_worse() -> None:
    cells = [("a", "x", 5.0, True), ("b", "x", 6.0, True), ("c", "x", 5.5, False), ("a", "alone", 1.0, True)]
    assert paper_comparison.lowest_cells(cells) == {("a", "x"), ("b", "x")}
    # even the lowest may have a failed run
    assert paper_comparison.lowest_cells([("a", "x", 5.0, False), ("b", "x", 6.0, False)]) == {("a", "x")}


def test_notes_name_the_rows_where_others_have_runs() -> None:
    missing = {"status": "not available", "reason": "no files"}
    cells = [
        cell("a", "X"), cell("b", "X", **missing), cell("c", "X", **missing),
        cell("a", "Y", **missing), cell("b", "Y", **missing),
    ]  # fmt: skip
    assert paper_comparison.reasons(cells) == ["X (b, c): not available; no files", "Y: not available; no files"]
    noted = [cell("a", "X", note="n"), cell("a", "Y", note="n"), cell("b", "Y")]
    assert paper_comparison.remarks(noted) == ["a: n"]


def test_links_are_relative_and_quoted(tmp_path: Path) -> None:
    page = tmp_path / "results/s/tables/t.md"
    assert paper_comparison.relative(tmp_path / "results/s/runs/a b", page) == "../runs/a%20b"
