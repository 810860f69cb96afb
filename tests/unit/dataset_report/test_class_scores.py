"""Order of the classes, confusion matrix, and confused pairs."""

from __future__ import annotations

import numpy as np

from bertfit.dataset_report import class_scores
from bertfit.dataset_report.class_scores import ConfusedPair, MatrixCell
from helpers.dataset_results import outcome

LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
ANSWERS = np.array([0, 0, 0, 1, 1, 0, 2, 2])


def made(classes: int):
    names = [f"class {place}" for place in range(classes)]
    return outcome(LABELS, np.eye(classes, dtype=np.float32)[ANSWERS], names)


def test_a_small_matrix_has_shares_of_each_row() -> None:
    rows = class_scores.matrix(made(3))
    assert rows[0].cells == [MatrixCell(3, 0.75, True), MatrixCell(1, 0.25, False), MatrixCell(0, 0.0, False)]
    assert [row.name for row in rows] == ["class 0", "class 1", "class 2"]
    assert class_scores.confused(made(3)) == []


def test_many_classes_have_confused_pairs_instead() -> None:
    many = made(13)
    assert class_scores.matrix(many) == []
    assert class_scores.confused(many) == [
        ConfusedPair("class 1", "class 0", 1, 0.5),
        ConfusedPair("class 0", "class 1", 1, 0.25),
    ]


def test_few_classes_keep_their_order_and_many_are_sorted_by_f1() -> None:
    assert [label.name for label in class_scores.in_order(made(3))] == ["class 0", "class 1", "class 2"]
    names = [label.name for label in class_scores.in_order(made(20))]
    assert names[:4] == ["class 1", "class 0", "class 2", "class 3"] and len(names) == 20


def test_several_labels_have_neither() -> None:
    several = made(3).model_copy(update={"confusion": None})
    assert class_scores.matrix(several) == [] and class_scores.confused(several) == []
