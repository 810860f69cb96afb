from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bertfit.core import label_sets
from bertfit.word_counts import regression


def drawn(classes: int, size: int = 60) -> tuple[csr_matrix, np.ndarray]:
    draw = np.random.default_rng(1)
    labels = draw.integers(0, classes, size)
    rows = draw.random((size, 8)) * (draw.random((size, 8)) < 0.4) + np.eye(8)[labels]
    return csr_matrix(rows.astype(np.float32)), labels


def fitted(matrix: csr_matrix, labels: np.ndarray, **more: str) -> LogisticRegression:
    return LogisticRegression(C=10, max_iter=1000, **more).fit(matrix, labels)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_logits_are_scikit_learns_scores_to_the_bit(classes, weights):
    matrix, labels = drawn(classes)
    labels[labels == 1] = np.where(np.arange((labels == 1).sum()) < 5, 1, 0)  # not balanced
    logits = regression.fit_one_label(matrix, labels, weights).one_label(matrix, classes)
    scores = fitted(matrix, labels, class_weight=None if weights == "none" else weights).decision_function(matrix)
    expected = np.stack([-scores / 2, scores / 2], axis=1) if classes == 2 else scores
    assert logits.dtype == np.float32 and (logits == expected).all()
    if weights == "balanced":
        plain = regression.fit_one_label(matrix, labels).one_label(matrix, classes)
        assert (logits.argmax(1) == 1).sum() > (plain.argmax(1) == 1).sum()


def test_a_class_without_training_texts_gets_less_than_all_others():
    matrix = csr_matrix(np.eye(2, dtype=np.float32))
    model = regression.fit_one_label(matrix, np.array([0, 3]))
    found = model.one_label(matrix, 4)
    assert found.dtype == np.float32 and found.argmax(1).tolist() == [0, 3] and np.isfinite(found).all()
    assert (found[:, [1, 2]].max(axis=1) < found[:, [0, 3]].min(axis=1)).all()
    assert (model.one_label(matrix[1:], 4) == found[1:]).all()  # whatever the other texts are


def test_each_of_several_labels_has_its_own_regression():
    matrix, labels = drawn(4)
    sets = [[0], [1, 2], [], [0, 2]]
    members = label_sets.members(sets, 5)[labels]
    assert (
        members.shape == (60, 5)
        and members[labels == 1].tolist() == [[False, True, True, False, False]] * (labels == 1).sum()
    )
    logits = regression.fit_several_labels(matrix, members).several_labels(matrix)
    for number in (0, 1, 2):
        np.testing.assert_allclose(
            logits[:, number], fitted(matrix, members[:, number]).decision_function(matrix), rtol=1e-5, atol=1e-5
        )
    assert logits[:, 3] == pytest.approx(np.log(0.5 / 60.5)) and logits[:, 4] == pytest.approx(np.log(0.5 / 60.5))
    always = regression.fit_several_labels(matrix, np.ones((60, 1), bool)).several_labels(matrix)
    assert always == pytest.approx(np.log(60.5 / 0.5))
    rare = members[:, 1:2]
    balanced = regression.fit_several_labels(matrix, rare, "balanced").several_labels(matrix)
    assert balanced.mean() > logits[:, 1].mean()
