"""Scoring: counts, selection, metrics, and intervals over seeds and examples."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

from bertfit.core.errors import UserError
from bertfit.evaluation import results_file, score_runs
from bertfit.statistics import metrics
from bertfit.statistics.cluster_values import Clusters
from helpers import madeup
from helpers.evaluations import write_run


def test_rows_of_last_and_best(tmp_path):
    nan = float("nan")
    run = write_run(
        tmp_path / "run",
        # seed 1: steps 20 and 30 tie as best on test, the first counts; step 25 is a row without evaluation
        # seed 2: the last is also the best
        [
            *[(1, 10, 75, nan), (1, 20, 25, nan), (1, 25, nan, nan), (1, 30, 25, nan), (1, 40, 50, nan)],
            *[(2, 10, 50, nan), (2, 40, 0, nan)],
        ],
        {(1, 20): [3], (1, 40): [0, 1], (2, 40): []},
    )
    # chosen on validation although another step is better on test
    held_out = write_run(
        tmp_path / "held_out", [(1, 10, 25, 9), (1, 20, 75, 8), (1, 30, 0, 9)], {(1, 20): [0, 1, 2], (1, 30): []}, "a=1"
    )
    score_runs.build([run, held_out], tmp_path / "results.parquet", study="tiny")
    table = pq.read_table(tmp_path / "results.parquet")
    assert table.schema.equals(results_file.SCHEMA)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert [row[:11] for row in rows] == [
        ("tiny", "imdb", "mini", "a=1", 1, "last", 30, 3.0, 4, 0, 0.0),
        ("tiny", "imdb", "mini", "a=1", 1, "best", 20, 2.0, 4, 3, 75.0),
        ("tiny", "imdb", "mini", "default", 1, "last", 40, 4.0, 4, 2, 50.0),
        ("tiny", "imdb", "mini", "default", 1, "best", 20, 2.0, 4, 1, 25.0),
        ("tiny", "imdb", "mini", "default", 2, "last", 40, 4.0, 4, 0, 0.0),
        ("tiny", "imdb", "mini", "default", 2, "best", 40, 4.0, 4, 0, 0.0),
    ]
    # class 0 and 1 by hand: F1 is 2 TP / (2 TP + FP + FN), Matthews (TP TN - FP FN) / sqrt of the four margins
    #   wrong on 0, 1, 2: F1 2/5 and 0, Matthews (0 - 2) / sqrt(1 * 2 * 2 * 3)
    #   wrong on 0 and 1: F1 1/2 and 1/2, Matthews 0;  wrong on 3: F1 2/3 and 4/5, Matthews 2 / sqrt(12)
    few = 2 / 12**0.5
    expected = [(1, 1), (0.2, -few), (0.5, 0), (11 / 15, few), (1, 1), (1, 1)]
    assert [row[11:13] for row in rows] == [pytest.approx(pair) for pair in expected]


def test_same_bytes_in_any_order(tmp_path):
    nan = float("nan")
    first = write_run(tmp_path / "a", [(1, 10, 25, nan)], {(1, 10): [0]})
    second = write_run(tmp_path / "b", [(1, 10, 50, nan)], {(1, 10): [0, 1]}, "lr=1")
    score_runs.build([first, second], tmp_path / "one", study="s")
    score_runs.build([second, first], tmp_path / "two", study="s")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_runs_give_an_empty_table(tmp_path):
    score_runs.build([], tmp_path / "results.parquet", study="tiny")
    table = pq.read_table(tmp_path / "results.parquet")
    assert table.num_rows == 0 and table.schema.equals(results_file.SCHEMA)


@pytest.mark.parametrize(
    ("history", "wrong", "message"),
    [
        ([(1, 10, 25), (1, 20, 25)], {(1, 20): [0]}, "no predictions of seed 1 at step 10"),
        ([(1, 10, 50)], {(1, 10): [0]}, "25.00 % wrong for seed 1 at step 10, but history.csv says 50.00 %"),
        ([(1, 10, 25)], {(1, 10): [0], (2, 10): [0]}, "its seeds are not those of predictions.parquet"),
    ],
)
def test_files_that_do_not_belong_together(tmp_path, history, wrong, message):
    run = write_run(tmp_path / "run", [(*row, float("nan")) for row in history], wrong)
    with pytest.raises(UserError, match=message):
        score_runs.build([run], tmp_path / "results.parquet", study="tiny")
    assert not (tmp_path / "results.parquet").exists()


def test_a_seed_in_two_blocks(tmp_path):
    runs = [write_run(tmp_path / name, [(1, 10, 25, float("nan"))], {(1, 10): [0]}) for name in "ab"]
    with pytest.raises(UserError, match="scored twice"):
        score_runs.build(runs, tmp_path / "results.parquet", study="tiny")


@pytest.mark.parametrize("logits", [[[0.0, float("nan")]] * 4, [[0.0, 1.0], [0.0], [1.0, 2.0, 0.0], [0.0, 1.0]]])
def test_broken_logits(tmp_path, logits):
    run = write_run(tmp_path / "run", [(1, 10, 25, float("nan"))], {(1, 10): [0]})
    table = pq.read_table(run.predictions)
    broken = pa.array(logits, pa.list_(pa.float32()))
    pq.write_table(table.set_column(table.schema.get_field_index("logits"), "logits", broken), run.predictions)
    with pytest.raises(UserError, match=r"predictions.parquet: logits are missing, ragged or not finite"):
        score_runs.build([run], tmp_path / "results.parquet", study="tiny")


def test_an_example_predicted_twice(tmp_path):
    run = write_run(tmp_path / "run", [(1, 10, 25, float("nan"))], {(1, 10): [0]})
    table = pq.read_table(run.predictions)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), run.predictions)
    with pytest.raises(UserError, match="predicted twice"):
        score_runs.build([run], tmp_path / "results.parquet", study="tiny")


def test_the_interval_of_several_seeds_is_over_seeds_and_examples(tmp_path):
    """Seeds in two blocks; equal to `metrics.summarise` of the same answers, wider than Wilson's where seeds differ."""
    draw = np.random.default_rng(1)
    labels = draw.integers(0, 3, 400)
    wrong = {seed: draw.random(400) < share for seed, share in {1: 0.1, 2: 0.15, 3: 0.2, 7: 0.12}.items()}
    for block, seeds in {"seeds1-3": (1, 2, 3), "seeds7-7": (7,)}.items():
        madeup.run(tmp_path / "runs/c/e/r" / block, labels, {seed: wrong[seed] for seed in seeds}, classes=3)
    madeup.run(tmp_path / "runs/c/e/one/seeds2-2", labels, {2: wrong[2]}, classes=3)
    madeup.score(tmp_path)
    frame = pq.read_table(tmp_path / "results.parquet").to_pandas()
    said = np.stack([np.where(wrong[seed], (labels + 1) % 3, labels) for seed in (1, 2, 3, 7)])
    expected = metrics.summarise(said, labels, 3)
    assert (expected.seeds, expected.examples) == (4, 400)
    several = results_file.summarise(frame, "c", "e", "r", [1, 2, 3, 7])
    assert (several.mean, several.std) == (pytest.approx(100 * expected.mean), pytest.approx(100 * expected.std))
    assert (several.low, several.high) == (pytest.approx(100 * expected.low), pytest.approx(100 * expected.high))
    low, high = metrics.wilson(expected.mean * 400, 400)
    assert several.low < 100 * low - 0.5 and several.high > 100 * high + 0.5
    assert frame[frame.recipe == "r"][["low", "high"]].drop_duplicates().shape == (1, 2)

    one = results_file.summarise(frame, "c", "e", "one", [2])
    alone = binomtest(int(wrong[2].sum()), 400).proportion_ci(0.95, "wilson")
    assert (one.low, one.high) == (pytest.approx(100 * alone.low), pytest.approx(100 * alone.high))
    mine = frame[(frame.recipe == "one") & (frame.selection == "last")].iloc[0]
    count = metrics.confusion(said[1], labels, 3)
    assert (mine.macro_f1, mine.mcc) == (metrics.macro_f1(count)[0], metrics.matthews(count)[0])


def test_the_interval_of_best_is_its_own(tmp_path):
    nan = float("nan")
    run = write_run(tmp_path / "run", [(1, 10, 0, nan), (1, 20, 50, nan)], {(1, 10): [], (1, 20): [0, 1]})
    score_runs.build([run], tmp_path / "results.parquet", study="tiny")
    last, best = pq.read_table(tmp_path / "results.parquet").to_pylist()
    assert (last["low"], last["high"]) == pytest.approx([100 * bound for bound in metrics.wilson(2, 4)])
    assert (best["low"], best["high"]) == pytest.approx([100 * bound for bound in metrics.wilson(0, 4)])


def test_one_example_has_wilsons_interval():
    low, high = score_runs.interval(np.array([[0], [1]]), np.array([1]))
    assert (low / 100, high / 100) == pytest.approx(metrics.wilson(0.5, 1))


def test_blocks_of_other_test_examples(tmp_path):
    nan = float("nan")
    first = write_run(tmp_path / "a", [(1, 10, 25, nan)], {(1, 10): [0]})
    other = write_run(tmp_path / "b", [(2, 10, 25, nan)], {(2, 10): [0]}, labels=[0, 0, 1, 0])
    with pytest.raises(UserError, match="b/predictions.parquet: other test examples than another block"):
        score_runs.build([first, other], tmp_path / "results.parquet", study="tiny")


def rows_of(tmp_path, clusters=None):
    """Last rows by recipe: one that is good, its equal, one that is worse, one with a failed run, and a single run."""
    draw = np.random.default_rng(1)
    labels = draw.integers(0, 2, 400)
    shares = {"good": (0.10, 0.11, 0.10), "same": (0.11, 0.10, 0.11), "worse": (0.25, 0.26, 0.24), "single": (0.3,)}
    shares["failed"] = (0.11, 0.5, 0.12)
    runs = []
    for recipe, of_seeds in shares.items():
        wrong = {seed: draw.random(400) < share for seed, share in enumerate(of_seeds, 1)}
        folder = tmp_path / "runs/c/e" / recipe / "seeds1-3"
        madeup.run(folder, labels, wrong)
        runs.append(madeup.run_files(folder, "c", "e", recipe))
    score_runs.build(runs, tmp_path / "results.parquet", study="tiny", clusters=clusters or {})
    frame = pq.read_table(tmp_path / "results.parquet").to_pandas()
    return frame[frame.selection == "last"].drop_duplicates("recipe").set_index("recipe")


def test_what_is_worse_than_the_lowest_and_what_failed(tmp_path):
    rows = rows_of(tmp_path)
    assert rows.failed.to_dict() == {"failed": 1, "good": 0, "same": 0, "single": 0, "worse": 0}
    known = rows[rows.run_low.notna()]
    assert list(known.index) == ["good", "same", "worse"] and (known.run_low < known.run_high).all()
    p = rows.p_lowest
    lowest = "good" if p["good"] == 1 else "same"
    assert p[lowest] == 1 and p[["good", "same"]].min() > 0.05
    assert p["worse"] < 0.01 and p["single"] < 0.05
    assert p["failed"] > 0.05  # three seeds of which one failed tell nothing, but the table does not print them bold


def test_clusters_widen_the_intervals(tmp_path):
    alone = rows_of(tmp_path / "alone")
    # answers are drawn one by one, so that a pair of examples is worth about two; as one it is worth less
    numbers = np.arange(400) // 2
    pairs = rows_of(tmp_path / "pairs", {"c": Clusters(numbers)})
    assert (pairs.high - pairs.low).mean() == pytest.approx((alone.high - alone.low).mean(), rel=0.15)
    with pytest.raises(UserError, match="corpus c: clusters of 300 test examples, predictions of 400"):
        rows_of(tmp_path / "other", {"c": Clusters(numbers[:300])})


def test_the_interval_of_one_run_counts_clusters():
    wrong = np.repeat(np.arange(200) % 10 == 0, 5)[None]
    low, high = score_runs.interval(wrong.astype(int), np.zeros(1000, int), Clusters(np.repeat(np.arange(200), 5)))
    assert (low / 100, high / 100) == pytest.approx(metrics.wilson(20, 200), rel=0.02)
