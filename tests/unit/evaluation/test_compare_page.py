"""The page and the CSV of a comparison: what differs, what is counted only."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.evaluation import compare_page, compare_results
from bertfit.evaluation.compare_results import MOVED, Change, ResultsSide
from helpers import madeup
from helpers.compared_sides import LABELS, mistakes, two_sides


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    return two_sides(tmp_path)


def test_the_page_says_what_differs(sides: tuple[Path, Path]) -> None:
    for path in sides[1].glob("runs/*/*/*/*/run.json"):
        path.write_text(path.read_text().replace('"torch": "2"', '"torch": "3"'))
    a, b = map(ResultsSide, sides)
    page = compare_page.markdown(compare_results.changes(a, b), a, b)
    assert "moved: 1, within noise: 1, same: 1, only in a: 1, only in b: 1." in page
    assert "- torch: 2 (a), 3 (b)" in page and "device" not in page
    assert "| imdb/mini/much " in page and "+25.00" in page


def test_many_quiet_cells_are_counted_not_listed(tmp_path: Path) -> None:
    for number in range(compare_page.MAX_QUIET + 1):
        madeup.run(tmp_path / f"a/runs/imdb/mini/r{number}/seeds1-1", LABELS, {1: mistakes(3)})
    madeup.score(tmp_path / "a")
    a = ResultsSide(tmp_path / "a")
    assert "31 cells within noise, of one seed or the same are not listed" in compare_page.markdown(
        compare_results.changes(a, a), a, a
    )
    assert "| imdb/mini/r30 " in compare_page.markdown(compare_results.changes(a, a), a, a, all_cells=True)


def test_a_row_by_hand_and_its_fields_as_csv(tmp_path: Path) -> None:
    a, b = ResultsSide(tmp_path / "a"), ResultsSide(tmp_path / "b")
    moved = Change("c", "e", "r", 3, 2, 5.5, 30.5, 25.0, 20.125, 29.875, 0.01, 0.02, MOVED, "same seeds")
    alone = Change("c", "e", "only", 1, 0, 5.5, None, verdict="only in a")
    lines = compare_page.markdown([moved, alone], a, b).split("\n")
    assert lines[:3] == [f"# {tmp_path}/a (a) and {tmp_path}/b (b)", "", "moved: 1, only in a: 1."]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| c/e/")]
    assert cells == [
        ["c/e/r", "3, 2", "5.50", "30.50", "+25.00", "+20.12 to +29.88", "0.020", "moved", "same seeds"],
        ["c/e/only", "1, 0", "5.50", "", "", "", "", "only in a", ""],
    ]
    compare_page.csv([moved, alone], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().split("\n")[1:] == [
        "c,e,r,3,2,5.5,30.5,25,20.125,29.875,0.01,0.02,moved,same seeds",
        "c,e,only,1,0,5.5,,,,,,,only in a,",
        "",
    ]
