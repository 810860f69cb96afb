"""Labels of logits, and the rows of CSV and JSONL, by value."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from bertfit.core.errors import UserError
from bertfit.inference import answers
from bertfit.inference.answers import Decision, TextAnswer

LOGITS = np.log(np.array([[1, 2, 1], [2, 2, 1]], np.float32))
ONE = Decision.of(["=a", "b", "-1"], several_labels=False)
SEVERAL = Decision.of(["a", "b", "c"], several_labels=True, thresholds=[0.5, 0.2, 0.9])


def written(kind: answers.Format, decision: Decision, rows: list[tuple[dict[str, Any], TextAnswer]]) -> str:
    sink = io.StringIO()
    out = answers.writer(kind, sink, decision)
    for kept, answer in rows:
        out.write(kept, answer)
    return sink.getvalue()


def test_one_label_is_the_most_probable_and_the_first_of_ties() -> None:
    first, second = ONE.answers(LOGITS)
    assert first.labels == ["b"] and np.allclose(first.probabilities, [0.25, 0.5, 0.25])
    assert second.labels == ["=a"] and np.allclose(second.probabilities, [0.4, 0.4, 0.2])


def test_several_labels_by_sigmoid_and_thresholds() -> None:
    first, second, third = SEVERAL.answers(np.array([[0, 0, 0], [-1, -2, 3], [9, 9, 9]], np.float32))
    assert first.labels == ["a", "b"] and np.allclose(first.probabilities, 0.5), "a threshold itself is enough"
    assert second.labels == ["c"] and third.labels == ["a", "b", "c"]
    assert np.allclose(second.probabilities, 1 / (1 + np.exp([1, 2, -3])))
    assert Decision.of(["a"], several_labels=True).thresholds == [0.5]


def test_thresholds_are_one_for_each_class() -> None:
    with pytest.raises(UserError, match="2 thresholds for 1 classes"):
        Decision.of(["a"], several_labels=True, thresholds=[0.1, 0.2])


def test_csv_of_one_label() -> None:
    text = written("csv", ONE, [({"row": 1}, ONE.answers(LOGITS)[1]), ({"row": 2}, TextAnswer([], []))])
    assert text == ("row,label,probability,p(=a),p(b),p(-1)\n1,'=a,0.400000,0.400000,0.400000,0.200000\n2,,,,,\n"), (
        "a class of a formula is safe in its cells, and an empty text has empty ones"
    )


def test_csv_of_several_labels_and_kept_columns() -> None:
    kept = {"label": "=x", "=n": -1, "gone": None, "sure": "-1.5"}
    text = written("csv", SEVERAL, [(kept, SEVERAL.answers(np.zeros((1, 3), np.float32))[0])])
    assert text == ("label,'=n,gone,sure,label_predicted,p(a),p(b),p(c)\n'=x,-1,,-1.5,a;b,0.500000,0.500000,0.500000\n")


def test_jsonl_keeps_values_as_they_are() -> None:
    rows = [({"id": 7, "x": "=1\n"}, ONE.answers(LOGITS)[1]), ({"id": 8, "x": None}, TextAnswer([], []))]
    lines = [json.loads(line) for line in written("jsonl", ONE, rows).splitlines()]
    probabilities = {"=a": 0.4, "b": 0.4, "-1": 0.2}
    assert lines[0] == {"id": 7, "x": "=1\n", "label": "=a", "probabilities": probabilities}
    assert lines[1] == {"id": 8, "x": None, "label": None, "probabilities": None}
    (several,) = written("jsonl", SEVERAL, [({"labels": ["c"]}, TextAnswer(["a", "b"], [0.5, 0.5, 0.1]))]).splitlines()
    assert json.loads(several) == {
        "labels": ["c"],
        "labels_predicted": ["a", "b"],
        "probabilities": {"a": 0.5, "b": 0.5, "c": 0.1},
    }
