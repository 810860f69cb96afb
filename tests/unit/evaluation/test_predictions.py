"""Predictions read back: the last evaluations, by seed and step, and files that cannot be used."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core.errors import UserError
from bertfit.evaluation import predictions
from bertfit.experiments.cells import RunGroup
from helpers.claim_data import LABELS, write
from helpers.evaluations import LABELS as FOUR
from helpers.evaluations import write_run


def test_the_last_evaluation_counts_and_blocks_are_joined(tmp_path):
    write(tmp_path / "a/predictions.parquet", [[0, 5]])
    write(tmp_path / "b/predictions.parquet", [[7]], first=2, step=30)
    runs = [(RunGroup("c", "e", "r"), tmp_path / part / "predictions.parquet") for part in "ab"]
    key = ("c", "e", "r", "last")
    found = predictions.read_errors(runs, {key})[key]
    assert {seed: np.flatnonzero(wrong).tolist() for seed, wrong in found.wrong.items()} == {1: [0, 5], 2: [7]}
    assert np.array_equal(found.labels, LABELS)
    with pytest.raises(UserError, match="seed 1 is in another block"):
        predictions.read_errors([runs[0], runs[0]], {key})
    write(tmp_path / "b/predictions.parquet", [[7]], labels=1 - LABELS, first=2)
    with pytest.raises(UserError, match="other test examples"):
        predictions.read_errors(runs, {key})


def test_the_best_evaluation_and_training_errors_come_with_the_history(tmp_path):
    """Seed 1 is chosen on validation, seed 2 on its test errors; the last row alone gives the training error."""
    nan = float("nan")
    a = write_run(tmp_path / "a", [(1, 10, 25, 9), (1, 20, 75, 8), (1, 30, 0, 9)], {(1, 20): [0, 1, 2], (1, 30): []})
    b = write_run(
        tmp_path / "b", [(2, 10, 25, nan), (2, 15, nan, nan), (2, 40, 50, nan)], {(2, 10): [3], (2, 40): [0, 1]}
    )
    log = pd.read_csv(b.history).assign(train_error=[40.0, 30.0, 20.0])
    log.to_csv(b.history, index=False)
    runs = [(run.run_group, run.predictions) for run in (a, b)]
    names = ("imdb", "mini", "default")
    found = predictions.read_errors(runs, {(*names, reading) for reading in ("last", "best", "training")})
    wrong = {
        key[3]: {seed: np.flatnonzero(each).tolist() for seed, each in one.wrong.items()} for key, one in found.items()
    }
    last = {1: [], 2: [0, 1]}
    assert wrong == {"last": last, "training": last, "best": {1: [0, 1, 2], 2: [3]}}
    assert found[*names, "training"].training == {1: 0.01, 2: 0.2} and found[*names, "best"].training == {}
    a.history.unlink()
    assert predictions.read_errors(runs, {(*names, "last")}).keys() == {(*names, "last")}


def test_examples_that_are_missing_or_twice(tmp_path):
    path = tmp_path / "predictions.parquet"
    write(path, [[1], [2]])
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table.slice(0, len(table) - 2), table.slice(len(table) - 1)]), path)
    with pytest.raises(UserError, match="seed 2 lacks test examples"):
        predictions.last_errors(path)
    pq.write_table(pa.concat_tables([table, table.slice(len(table) - 1)]), path)
    with pytest.raises(UserError, match="an example is predicted twice at one step"):
        predictions.last_errors(path)
    pq.write_table(table.slice(0, 0), path)
    with pytest.raises(UserError, match="logits are missing, ragged or not finite"):
        predictions.last_errors(path)


def test_evaluations_come_by_seed_and_step_in_the_order_of_the_test_set(tmp_path):
    run = write_run(tmp_path / "run", [], {(2, 20): [0], (1, 30): [], (1, 4): [3]})
    table = pq.read_table(run.predictions)
    pq.write_table(table.take(np.random.default_rng(1).permutation(len(table))), run.predictions)
    found = predictions.read_evaluations(run.predictions)
    assert [(one.seed, one.step, one.epoch) for one in found] == [(1, 4, 0.4), (1, 30, 3.0), (2, 20, 2.0)]
    assert [one.predicted.tolist() for one in found] == [[0, 1, 1, 1], FOUR, [1, 1, 1, 0]]
    assert found[0].logits.tolist() == [[1, -1], [-0.5, 0.25], [-0.5, 0.25], [-0.5, 0.25]]
    assert all(one.labels.tolist() == FOUR for one in found)
    assert predictions.last_evaluations(found) == found[1:]


def test_what_is_missing_is_told(tmp_path):
    path = write_run(tmp_path / "run", [], {(1, 10): [0], (2, 10): [0]}).predictions
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 7), path)
    assert len(predictions.read_evaluations(write_run(tmp_path / "whole", [], {(1, 10): [0]}).predictions)) == 1
    with pytest.raises(UserError, match="seed 2 has other test examples than another"):
        predictions.read_evaluations(path)
    pq.write_table(table.slice(1), path)
    with pytest.raises(UserError, match="seed 1 lacks test examples"):
        predictions.read_evaluations(path)
    pq.write_table(table.slice(0, 0), path)
    with pytest.raises(UserError, match="logits are missing"):
        predictions.read_evaluations(path)
    pq.write_table(table.drop_columns(["epoch"]), path)
    with pytest.raises(UserError, match="cannot be read"):
        predictions.read_evaluations(path)


def test_probabilities_by_hand():
    """Logits 0 and ln 3 are odds of 1 to 3; huge logits do not overflow."""
    found = predictions.softmax(np.array([[0, np.log(3)], [1000, 1000]], np.float32))
    assert found == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))
