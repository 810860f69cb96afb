"""Predictions read back: the last evaluations, by seed and step, and files that cannot be used."""

import numpy as np
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
    found = predictions.read_errors(runs, {("c", "e", "r")})["c", "e", "r"]
    assert {seed: np.flatnonzero(wrong).tolist() for seed, wrong in found.wrong.items()} == {1: [0, 5], 2: [7]}
    assert np.array_equal(found.labels, LABELS)
    with pytest.raises(UserError, match="seed 1 is in another block"):
        predictions.read_errors([runs[0], runs[0]], {("c", "e", "r")})
    write(tmp_path / "b/predictions.parquet", [[7]], labels=1 - LABELS, first=2)
    with pytest.raises(UserError, match="other test examples"):
        predictions.read_errors(runs, {("c", "e", "r")})


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
