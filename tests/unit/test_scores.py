"""Scores: error counts, selection, intervals and the lookup of published values."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from bertfit import scores
from bertfit.errors import UserError

LABELS = [0, 1, 1, 0]


def write_run(folder, history, wrong, recipe="default", labels=LABELS):
    """A run of 4 examples; ``history``: seed, step, test and validation error; ``wrong``: (seed, step) -> examples."""
    folder.mkdir(parents=True)
    rows = []
    for (seed, step), ids in wrong.items():
        for example, label in enumerate(labels):
            predicted = 1 - label if example in ids else label
            logits = [1.0, -1.0] if predicted == 0 else [-0.5, 0.25]
            rows.append((seed, step, step / 10, example, label, logits))
    names = ["seed", "step", "epoch", "example", "label", "logits"]
    types = [pa.int32(), pa.int32(), pa.float64(), pa.int32(), pa.int32(), pa.list_(pa.float32())]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
    pq.write_table(pa.table(columns, names=names), folder / "predictions.parquet")
    log = pd.DataFrame(history, columns=["seed", "step", "test_error", "validation_error"])
    log = log.assign(epoch=log["step"] / 10, lr=0.1, loss=0.5, train_error=1.0)
    log.to_csv(folder / "history.csv", index=False)
    return {
        "corpus": "imdb",
        "encoder": "mini",
        "recipe": recipe,
        "predictions": folder / "predictions.parquet",
        "history": folder / "history.csv",
        "record": folder / "run.json",
    }


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
    scores.build([run, held_out], tmp_path / "results.parquet", study="tiny")
    table = pq.read_table(tmp_path / "results.parquet")
    assert table.schema.equals(scores.SCHEMA)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("tiny", "imdb", "mini", "a=1", 1, "last", 30, 3.0, 4, 0, 0.0),
        ("tiny", "imdb", "mini", "a=1", 1, "best", 20, 2.0, 4, 3, 75.0),
        ("tiny", "imdb", "mini", "default", 1, "last", 40, 4.0, 4, 2, 50.0),
        ("tiny", "imdb", "mini", "default", 1, "best", 20, 2.0, 4, 1, 25.0),
        ("tiny", "imdb", "mini", "default", 2, "last", 40, 4.0, 4, 0, 0.0),
        ("tiny", "imdb", "mini", "default", 2, "best", 40, 4.0, 4, 0, 0.0),
    ]


def test_same_bytes_in_any_order(tmp_path):
    nan = float("nan")
    first = write_run(tmp_path / "a", [(1, 10, 25, nan)], {(1, 10): [0]})
    second = write_run(tmp_path / "b", [(1, 10, 50, nan)], {(1, 10): [0, 1]}, "lr=1")
    scores.build([first, second], tmp_path / "one", study="s")
    scores.build([second, first], tmp_path / "two", study="s")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_runs_give_an_empty_table(tmp_path):
    scores.build([], tmp_path / "results.parquet", study="tiny")
    table = pq.read_table(tmp_path / "results.parquet")
    assert table.num_rows == 0 and table.schema.equals(scores.SCHEMA)


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
        scores.build([run], tmp_path / "results.parquet", study="tiny")
    assert not (tmp_path / "results.parquet").exists()


def test_a_seed_in_two_blocks(tmp_path):
    runs = [write_run(tmp_path / name, [(1, 10, 25, float("nan"))], {(1, 10): [0]}) for name in "ab"]
    with pytest.raises(UserError, match="scored twice"):
        scores.build(runs, tmp_path / "results.parquet", study="tiny")


@pytest.mark.parametrize("logits", [[[0.0, float("nan")]] * 4, [[0.0, 1.0], [0.0], [1.0, 2.0, 0.0], [0.0, 1.0]]])
def test_broken_logits(tmp_path, logits):
    run = write_run(tmp_path / "run", [(1, 10, 25, float("nan"))], {(1, 10): [0]})
    table = pq.read_table(run["predictions"])
    broken = pa.array(logits, pa.list_(pa.float32()))
    pq.write_table(table.set_column(table.schema.get_field_index("logits"), "logits", broken), run["predictions"])
    with pytest.raises(UserError, match=r"predictions.parquet: logits are missing, ragged or not finite"):
        scores.build([run], tmp_path / "results.parquet", study="tiny")


def test_an_example_predicted_twice(tmp_path):
    run = write_run(tmp_path / "run", [(1, 10, 25, float("nan"))], {(1, 10): [0]})
    table = pq.read_table(run["predictions"])
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), run["predictions"])
    with pytest.raises(UserError, match="predicted twice"):
        scores.build([run], tmp_path / "results.parquet", study="tiny")


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_scipys(count, level):
    errors, n = count
    expected = binomtest(errors, n).proportion_ci(level, "wilson")
    assert scores.wilson(errors, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_wilson_contains_the_share(share, n):
    low, high = scores.wilson(share * n, n)
    assert 0 <= low <= share * n / n <= high <= 1


def test_wilson_of_a_fraction_and_of_nonsense():
    # 5.42 % of 25,000 as by hand: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.959964
    assert scores.wilson(1355.5, 25_000) == pytest.approx((0.0514808, 0.0570962), abs=1e-7)
    for errors, n in ((-1, 10), (11, 10), (0, 0)):
        with pytest.raises(ValueError, match="examples"):
            scores.wilson(errors, n)


def results(errors_last, errors_best, n=200):
    rows = [
        ("s", "imdb", "mini", "default", seed, selection, 1, 1.0, n, wrong, 100 * wrong / n)
        for selection, errors in (("last", errors_last), ("best", errors_best))
        for seed, wrong in enumerate(errors, 1)
    ]
    return pd.DataFrame(rows, columns=scores.SCHEMA.names)


def test_summary_over_seeds():
    got = scores.summarise(results([10, 14, 12, 100], [8, 10, 12, 0]), "imdb", "mini", "default", [1, 2, 3])
    interval = binomtest(12, 200).proportion_ci(method="wilson")
    assert (got.n, got.mean, got.std, got.mean_best) == (3, pytest.approx(6.0), pytest.approx(1.0), pytest.approx(5.0))
    assert (got.low, got.high) == pytest.approx((100 * interval.low, 100 * interval.high))


def test_more_seeds_do_not_narrow_the_interval():
    one = scores.summarise(results([12], [12]), "imdb", "mini", "default", [1])
    many = scores.summarise(results([12] * 9, [12] * 9), "imdb", "mini", "default", list(range(1, 10)))
    assert (one.low, one.high) == pytest.approx((many.low, many.high))
    assert np.isnan(one.std) and many.std == 0


def test_summary_of_a_missing_seed():
    with pytest.raises(UserError, match=r"no run imdb/mini/default with seed \[3\]"):
        scores.summarise(results([1, 2], [1, 2]), "imdb", "mini", "default", [1, 3])


def test_published_values(request):
    path = request.config.rootpath / "paper/published.csv"
    table2 = scores.published(path, "table2")
    assert len(table2) == 12
    assert scores.number(table2["head+tail", "IMDb"]) == 5.42
    assert scores.published(path, "table1")["IMDb", "Type"] == "Sentiment"
    assert np.isnan(scores.number(scores.published(path, "table6")["BERT-IDPT-FiT", "Sogou"]))  # printed as /
    assert scores.published(path, "table99") == {} and np.isnan(scores.number(None))


def test_published_file_is_missing_or_wrong(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        scores.published(tmp_path / "published.csv", "table2")
    (tmp_path / "published.csv").write_text("artefact,row,value\ntable2,a,1\n")
    with pytest.raises(UserError, match="no column 'column'"):
        scores.published(tmp_path / "published.csv", "table2")
