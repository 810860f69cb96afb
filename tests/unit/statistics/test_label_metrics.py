"""Metrics of several labels a text against scikit-learn, and where they are undefined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_recall_fscore_support, zero_one_loss

from bertfit.core import label_sets
from bertfit.statistics import label_metrics

DRAW = np.random.default_rng(1)
SETS = [[], [0], [0, 2], [1, 2, 3]]
LABELS = DRAW.integers(0, 4, 50)
LOGITS = DRAW.normal(size=(3, 50, 4)).astype(np.float32)


def test_they_are_those_of_scikit_learn() -> None:
    expected = label_sets.members(SETS, 4)[LABELS]
    found = label_metrics.of_logits(LOGITS, LABELS, SETS)
    for seed, logits in enumerate(LOGITS):
        answers = logits >= 0
        theirs = precision_recall_fscore_support(expected, answers, zero_division=0)
        ours = (found.precision[seed], found.recall[seed], found.f1[seed], found.support)
        np.testing.assert_allclose(np.stack(ours), np.stack(theirs))
        assert found.micro_f1[seed] == pytest.approx(f1_score(expected, answers, average="micro"))
        assert found.macro_f1[seed] == pytest.approx(f1_score(expected, answers, average="macro"))
        assert found.subset_error[seed] == pytest.approx(zero_one_loss(expected, answers))


def test_thresholds_are_of_each_label() -> None:
    found = label_metrics.of_logits(LOGITS[0], LABELS, SETS, np.array([1.0, 0.0, 0.5, 0.5]))
    assert found.recall[:2].tolist() == [0, 1]
    assert label_metrics.of_logits(LOGITS[0], LABELS, SETS, 0.9).recall.sum() < 1


def test_labels_that_never_occur_do_not_count() -> None:
    nobody = np.zeros((2, 3), bool)
    found = label_metrics.measure(nobody, nobody)
    assert (found.micro_f1, found.macro_f1, found.subset_error) == (0, 0, 0) and found.f1.tolist() == [0, 0, 0]
    one = np.array([[True, False, False], [False] * 3])
    assert label_metrics.measure(one, one).macro_f1 == 1
    with pytest.raises(ValueError, match=r"predictions of the shape \(2, 3\), examples of \(0, 3\)"):
        label_metrics.measure(nobody, nobody[:0])
