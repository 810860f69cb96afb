"""The most confident mistakes of a run, against values worked out by hand."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core.errors import UserError
from bertfit.evaluation import mistakes
from bertfit.evaluation.mistakes import Mistake
from helpers.reportdata import SAYS, predictions


def test_probabilities_are_averaged_over_seeds_and_the_last_evaluation_counts(tmp_path):
    wrong, found = mistakes.most_confident([predictions(tmp_path / "p.parquet", SAYS)], 5)
    assert wrong == 2
    first, second = found
    assert (first.example, first.label, first.predicted, first.wrong) == (0, 0, 1, 2)
    assert (second.example, second.label, second.predicted, second.wrong) == (1, 1, 0, 2)
    assert [first.confidence, second.confidence] == pytest.approx([0.8, 0.7], abs=1e-7)


def test_seeds_in_two_files_are_one_run(tmp_path):
    files = [predictions(tmp_path / f"{seed}.parquet", {seed: says}) for seed, says in SAYS.items()]
    assert mistakes.most_confident(files, 5) == mistakes.most_confident([predictions(tmp_path / "p.parquet", SAYS)], 5)
    one_seed = mistakes.most_confident(files[:1], 5)
    assert one_seed[0] == 3 and one_seed[1][0] == Mistake(0, 0, 1, pytest.approx(0.9), 1)


def test_the_guess_of_a_seed_that_diverged_is_no_probability(tmp_path):
    path = predictions(tmp_path / "p.parquet", SAYS)
    alone = predictions(tmp_path / "alone.parquet", {1: SAYS[1]})
    wrong, found = mistakes.most_confident([path], 5, [seed for seed in SAYS if seed != 1])
    expected = mistakes.most_confident([alone], 5)
    assert wrong == expected[0] and [one.confidence for one in found] == [one.confidence for one in expected[1]]
    assert mistakes.most_confident([path], 5, list(SAYS)) == (2, [])


def test_only_so_many_and_ties_in_the_order_of_the_test_set(tmp_path):
    path = predictions(tmp_path / "p.parquet", {1: [0.7, 0.3, 0.7, 0.1]})
    wrong, found = mistakes.most_confident([path], 3)
    assert wrong == 4 and [one.example for one in found] == [3, 0, 1]


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    files = [
        predictions(tmp_path / "a.parquet", {1: SAYS[1]}),
        predictions(tmp_path / "b.parquet", {2: [0.5] * 2}, [0, 1]),
    ]
    with pytest.raises(UserError, match="b.parquet: other test examples"):
        mistakes.most_confident(files, 5)
    torn = pq.read_table(files[0]).slice(0, 7)
    pq.write_table(torn.slice(5), tmp_path / "torn.parquet")
    with pytest.raises(UserError, match="seed 1 lacks test examples"):
        mistakes.most_confident([tmp_path / "torn.parquet"], 5)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="cannot be read"):
        mistakes.most_confident([tmp_path / "torn.parquet"], 5)


def test_texts_are_joined_and_cut(tmp_path):
    columns = {"title": ["One ", "Two"], "body": [" of\nthem", " "], "label": pa.array([0, 1], pa.int32())}
    pq.write_table(pa.table(columns), tmp_path / "test.parquet")
    assert mistakes.texts(tmp_path / "test.parquet", [1, 0, 1]) == {0: "One – of\nthem", 1: "Two"}
    assert mistakes.texts(tmp_path / "test.parquet", [0], length=7) == {0: "One –…"}
    assert mistakes.texts(tmp_path / "test.parquet", []) == {}
