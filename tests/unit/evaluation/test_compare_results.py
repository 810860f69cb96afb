"""Two results folders: what moved beyond noise, and what is the same to the bit."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bertfit.core.errors import UserError
from bertfit.evaluation import compare_page, compare_results
from bertfit.evaluation.compare_results import DIFFERS, MOVED, NOISE, ONE_SEED, SAME, ResultsSide
from bertfit.statistics import paired_tests
from conftest import ROOT
from helpers import madeup
from helpers.compared_sides import LABELS, N, mistakes, two_sides


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    return two_sides(tmp_path)


def test_which_cells_moved(sides: tuple[Path, Path]) -> None:
    changes = compare_results.changes(*map(ResultsSide, sides))
    assert [(change.recipe, change.verdict) for change in changes] == [
        ("much", MOVED),
        ("little", NOISE),
        ("default", SAME),
        ("only-a", "only in a"),
        ("only-b", "only in b"),
    ]
    much = changes[0]
    values = np.stack([mistakes(60 + seed).astype(int) - mistakes(10 + seed) for seed in range(3)])
    effect = paired_tests.difference(values)
    assert (much.a, much.b, much.difference) == (5.5, 30.5, 25.0)
    assert (much.low, much.high) == tuple(pytest.approx(100 * bound) for bound in effect.interval())
    assert much.p == effect.p() and much.corrected == pytest.approx(2 * effect.p())  # two cells were tested
    assert (much.seeds_a, much.seeds_b, much.how) == (3, 3, "same seeds")


def test_other_seeds_are_paired_in_their_order(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    madeup.run(a / "runs/imdb/mini/default/seeds1-1", LABELS, {1: mistakes(20)})
    madeup.run(b / "runs/imdb/mini/default/seeds7-7", LABELS, {7: mistakes(16, start=8)})
    madeup.score(a), madeup.score(b)
    (change,) = compare_results.changes(ResultsSide(a), ResultsSide(b))
    assert (change.how, change.verdict, change.p) == ("other seeds", ONE_SEED, None)
    assert change.difference == pytest.approx(-2.0) and change.low < -2 < change.high


def test_the_same_seed_differs_or_it_does_not(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for name, wrong in (("one", mistakes(16, start=8)), ("two", mistakes(20))):
        madeup.run(a / f"runs/imdb/mini/{name}/seeds1-1", LABELS, {1: mistakes(20)})
        madeup.run(b / f"runs/imdb/mini/{name}/seeds1-1", LABELS, {1: wrong})
    madeup.score(a), madeup.score(b)
    one, two = compare_results.changes(ResultsSide(a), ResultsSide(b))
    assert (one.how, one.verdict, one.corrected) == ("same seed", DIFFERS, None)
    assert one.p == paired_tests.mcnemar(8, 4)  # 0 to 7 wrong in a alone, 20 to 23 in b alone
    assert (two.how, two.verdict, two.p) == ("same errors", SAME, None)
    page = compare_page.markdown([one, two], ResultsSide(a), ResultsSide(b))
    assert "differs: 1, same: 1." in page and f"{one.p:.3f} | differs |" in page


def test_seeds_of_both_sides_alone_count(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    madeup.run(a / "runs/imdb/mini/default/seeds1-2", LABELS, {1: mistakes(20), 2: mistakes(100)})
    madeup.run(b / "runs/imdb/mini/default/seeds1-1", LABELS, {1: mistakes(22)})
    madeup.score(a), madeup.score(b)
    (change,) = compare_results.changes(ResultsSide(a), ResultsSide(b))
    assert (change.seeds_a, change.a, change.b, change.difference) == (1, 10.0, 11.0, pytest.approx(1.0))


@pytest.mark.parametrize("why", ["labels", "card", "predictions"])
def test_other_examples_are_compared_as_two_samples(tmp_path: Path, why: str) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    other = 1 - LABELS if why == "labels" else LABELS
    madeup.run(a / "runs/imdb/mini/default/seeds1-1", LABELS, {1: mistakes(40)})
    madeup.run(b / "runs/imdb/mini/default/seeds1-1", other, {1: mistakes(56)})
    madeup.score(a), madeup.score(b)
    if why == "card":
        madeup.card(a, "imdb", "x"), madeup.card(b, "imdb", "y")
    if why == "predictions":
        (b / "runs/imdb/mini/default/seeds1-1/predictions.parquet").unlink()
    (change,) = compare_results.changes(ResultsSide(a), ResultsSide(b))
    assert change.how == ("no predictions" if why == "predictions" else "other test examples")
    # one seed a side: whatever the difference, nothing can be told of other seeds
    assert (change.verdict, change.p, change.difference) == (ONE_SEED, None, pytest.approx(8.0))


@pytest.mark.parametrize(("far", "verdict"), [(0, NOISE), (60, MOVED)])
def test_two_samples_of_several_seeds(tmp_path: Path, far: int, verdict: str) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    counts = ((40, 44, 48), (50 + far, 53 + far))
    for root, labels, each in ((a, LABELS, counts[0]), (b, 1 - LABELS, counts[1])):
        wrong = {seed: mistakes(count) for seed, count in enumerate(each, start=1)}
        madeup.run(root / f"runs/imdb/mini/default/seeds1-{len(each)}", labels, wrong)
        madeup.score(root)
    (change,) = compare_results.changes(ResultsSide(a), ResultsSide(b))
    shares = []  # variance of the mean, degrees of freedom: seeds, and examples with one error and one other more
    for each in counts:
        errors = np.array(each) / N
        p = (sum(each) / len(each) + 1) / (N + 2)
        shares += [(errors.var(ddof=1) / len(each), len(each) - 1), (p * (1 - p) / N, N - 1)]
    total = sum(variance for variance, _ in shares)
    df = total**2 / sum(variance**2 / freedom for variance, freedom in shares)
    gap = np.mean(counts[1]) / N - np.mean(counts[0]) / N
    assert change.p == pytest.approx(2 * stats.t.sf(gap / total**0.5, df))
    half = stats.t.ppf(0.975, df) * total**0.5
    assert (change.low, change.high) == (pytest.approx(100 * (gap - half)), pytest.approx(100 * (gap + half)))
    assert (change.verdict, change.corrected) == (verdict, change.p)


def test_variance_between_seeds_does_not_move_a_cell(tmp_path: Path) -> None:
    """Two samples of 50,000 errors each: far apart for a test that knows examples only."""
    one = {seed: (error, 50_000) for seed, error in enumerate((5.0, 5.4, 5.9))}
    other = {seed: (error, 50_000) for seed, error in enumerate((5.5, 6.1, 5.7))}
    change = compare_results._unpaired(
        compare_results.Change("c", "e", "r", 3, 3, 5.43, 5.77), one, other, "other test examples"
    )
    assert change.p is not None and change.p > 0.2 and change.low < 0 < change.high


def test_newcombes_interval_is_that_of_his_paper(tmp_path: Path) -> None:
    # Newcombe (1998), table II, example (a): 56/70 - 48/80, method 10: 0.0524 to 0.3339
    change = compare_results._unpaired(
        compare_results.Change("c", "e", "r", 1, 1, 60.0, 80.0), {1: (60.0, 80)}, {1: (80.0, 70)}, "no predictions"
    )
    assert (change.low, change.high) == (pytest.approx(5.24, abs=0.005), pytest.approx(33.39, abs=0.005))


def test_same_to_the_bit(sides: tuple[Path, Path]) -> None:
    a, b = map(ResultsSide, sides)
    assert compare_results.differences(a, a) == []
    found = compare_results.differences(a, b)
    assert found == [
        "imdb/mini/only-a: only in one of them",
        "imdb/mini/only-b: only in one of them",
        "imdb/mini/little: errors 10 % (1), 10 % (2), 10 % (3) against 11 % (1), 11 % (2), 11 % (3)",
        "imdb/mini/little/seeds1-3: logits",
        "imdb/mini/little/seeds1-3: history",
        "imdb/mini/much: errors 5 % (1), 5.5 % (2), 6 % (3) against 30 % (1), 30.5 % (2), 31 % (3)",
        "imdb/mini/much/seeds1-3: logits",
        "imdb/mini/much/seeds1-3: history",
    ]


def test_another_logit_is_not_the_same_although_the_errors_are(tmp_path: Path) -> None:
    for name, logit in (("a", 1.0), ("b", 1.0000001)):
        madeup.run(tmp_path / name / "runs/imdb/mini/default/seeds1-1", LABELS, {1: mistakes(9)}, logit=logit)
        madeup.score(tmp_path / name)
    a, b = ResultsSide(tmp_path / "a"), ResultsSide(tmp_path / "b")
    assert compare_results.differences(a, b) == ["imdb/mini/default/seeds1-1: logits"]
    assert [change.verdict for change in compare_results.changes(a, b)] == [SAME]


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="results.parquet: cannot be read"):
        compare_results.changes(ResultsSide(tmp_path), ResultsSide(tmp_path))


def test_a_damaged_record_of_other_results_is_not_to_be_deleted(sides: tuple[Path, Path]) -> None:
    record = next(sides[0].glob("runs/*/*/*/*/run.json"))
    record.write_text("{")
    with pytest.raises(UserError, match=r"run\.json: not the record of a job .*; copy the results again"):
        ResultsSide(sides[0]).circumstances()


def test_command_line(sides: tuple[Path, Path], tmp_path: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "scripts/compare.py"), *map(str, sides), *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    done = call("--csv", str(tmp_path / "out.csv"), "--md", str(tmp_path / "out.md"))
    assert done.returncode == 0 and (tmp_path / "out.md").read_text() == done.stdout
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["recipe"], rows[0]["difference"], rows[0]["verdict"]) == ("much", "25", MOVED)
    assert call("--same").returncode == 1
    assert call("--nonsense").returncode == 2
