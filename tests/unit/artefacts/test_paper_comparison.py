"""Comparison with the paper: records of cells, what is bold, notes, and CSV files."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from bertfit.artefacts import paper_comparison
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
    assert math.isnan(empty["published"]) and nothing is None and "mean" not in empty
    ((record, _), _) = paper_comparison.compare_with_paper(
        cells, tmp_path / "results.parquet", lambda one: "5.4", comparable=False
    )
    assert record["delta_best"] is None


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
