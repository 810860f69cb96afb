"""The winner on the test split: errors with intervals, scores of classes, calibration, thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.analysis import outcome
from bertfit.core import label_sets
from bertfit.search import outcome_record
from bertfit.search.outcome_record import ModelOutcome
from helpers import dataset_results

NAMES = ["ham", "spam"]


def measured(
    tmp_path: Path, labels: np.ndarray, values: np.ndarray, validated: tuple[np.ndarray, np.ndarray], sets=None,
    names=NAMES,
) -> ModelOutcome:  # fmt: skip
    """The outcome of logits ``values`` on a test split, and of a run on validation data, labels and logits."""
    corpus = tmp_path / "texts"
    corpus.mkdir()
    pq.write_table(pa.table({"cluster": pa.array(range(len(labels)), pa.int32())}), corpus / "clusters.parquet")
    dataset_results.write(corpus / "card.json", dataset_results.card(names, labels))
    dataset_results.write(tmp_path / "choice.json", dataset_results.choice())
    final = dataset_results.write_predictions(tmp_path / "final" / "predictions.parquet", labels, values, sets)
    of_validation = dataset_results.write_predictions(tmp_path / "run" / "predictions.parquet", *validated, sets)
    if sets is None:
        wrong = validated[1].argmax(1) != validated[0]
    else:
        wrong = label_sets.wrong(validated[1], label_sets.members(sets, len(names))[validated[0]])
    error = 100 * float(wrong.mean())
    of_validation.with_name("history.csv").write_text(
        f"seed,step,epoch,lr,loss,train_error,test_error,validation_error\n1,9,4.0,0.1,0.1,0,{error},\n"
    )
    record = {
        "code": "c", "inputs": {}, "versions": {}, "machine": {"system": "s", "device": "d", "processes": 1},
        "cost": {"seconds": 5, "peak_memory_bytes": {"process": 1}}, "spec": {"recipe": None},
    }  # fmt: skip
    dataset_results.write(of_validation.with_name("run.json"), record)
    out = tmp_path / "outcome.json"
    outcome.build(
        choice=tmp_path / "choice.json", predictions=[final], validated=of_validation.parent,
        clusters=corpus / "clusters.parquet", card=corpus / "card.json", out=out,
    )  # fmt: skip
    return outcome_record.read(out)


def test_scores_by_hand(tmp_path: Path) -> None:
    """6 ham, 4 spam; one ham and one spam are wrong."""
    labels = np.array([0] * 6 + [1] * 4, np.int32)
    answers = labels.copy()
    answers[[0, 9]] = 1, 0
    values = np.eye(2, dtype=np.float32)[answers] * 3
    found = measured(tmp_path, labels, values, (labels, values))
    assert found.error.value == pytest.approx(0.2) and found.error.low < 0.2 < found.error.high
    ham, spam = found.labels
    assert (ham.texts, ham.answers, ham.precision, ham.recall) == (6, 6, pytest.approx(5 / 6), pytest.approx(5 / 6))
    assert (spam.texts, spam.precision, spam.f1) == (4, 0.75, 0.75)
    assert found.confusion == [[5, 1], [1, 3]] and not found.several_labels and not found.one_class
    assert found.constant.name == "ham" and found.constant.error == pytest.approx(0.4)
    assert found.candidate == "further" and found.title == dataset_results.TITLES["further"]


def test_a_model_with_one_answer(tmp_path: Path) -> None:
    labels = (np.arange(100) < 3).astype(np.int32)
    values = np.tile(np.float32([2, 0]), (100, 1))
    found = measured(tmp_path, labels, values, (labels, values))
    assert found.error.value == pytest.approx(0.03) and found.constant.error == pytest.approx(0.03)
    assert found.never == ["spam"] and found.labels[1].precision is None


def test_a_test_split_of_one_class_and_one_of_one_text(tmp_path: Path) -> None:
    labels = np.zeros(20, np.int32)
    values = np.tile(np.float32([2, 0]), (20, 1))
    mixed = (np.arange(40) % 2).astype(np.int32)
    validation = (mixed, np.eye(2, dtype=np.float32)[mixed])
    (tmp_path / "a").mkdir()
    assert measured(tmp_path / "a", labels, values, validation).one_class
    (tmp_path / "b").mkdir()
    single = measured(tmp_path / "b", labels[:1], values[:1], validation)
    assert single.texts == 1 and single.error.value == 0 and single.error.high > 0.7


def test_the_temperature_is_that_of_validation_data(tmp_path: Path) -> None:
    """Logits three times too large: the temperature is about three, and calibration is better on the test split."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 4000).astype(np.int32)
    honest = np.stack([-(2 * labels - 1.0), 2 * labels - 1.0], axis=1) + random.normal(0, 1.4, (4000, 2))
    values = (3 * honest).astype(np.float32)
    half = (labels[:2000], values[:2000])
    found = measured(tmp_path, labels[2000:], values[2000:], half).calibration
    assert found.temperature == pytest.approx(3 * 1.4**2 / 2, rel=0.15), "the noise of both logits, by Bayes's rule"
    assert found.after < found.before / 3 and found.note == ""


def test_several_labels_a_text(tmp_path: Path) -> None:
    """Sets: none, {0}, {1}, {0, 1}. Class 1 needs a threshold below a half: its logits are too low by two."""
    sets = [[], [0], [0, 1], [1]]
    random = np.random.default_rng(2)
    labels = random.integers(0, 4, 800).astype(np.int32)
    members = label_sets.members(sets, 2)[labels]
    values = (np.where(members, 3.0, -3.0) + random.normal(0, 0.5, (800, 2)) - [0, 2.5]).astype(np.float32)
    found = measured(tmp_path, labels[400:], values[400:], (labels[:400], values[:400]), sets)
    assert found.several_labels and found.confusion is None and found.mcc is None
    assert found.thresholds is not None and found.thresholds[1] < 0.4, "logits of 0.5 count for class 1"
    assert 0 <= found.error.low <= found.error.value < 0.02 < 0.05 and found.error.high > 0.005
    assert found.micro_f1 > 0.98 and found.macro_f1.value > 0.98
    assert [label.texts for label in found.labels] == members[400:].sum(0).tolist()


def test_several_labels_of_one_test_text(tmp_path: Path) -> None:
    values = np.array([[2.0, -2.0]] * 3, np.float32)
    found = measured(
        tmp_path, np.array([0], np.int32), values[:1], (np.array([0, 1], np.int32), values[1:]), [[0], [1]]
    )
    assert (found.macro_f1.value, found.macro_f1.low, found.macro_f1.high) == (1, 0, 1), "it says nothing"
