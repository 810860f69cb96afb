"""Out-of-sample probabilities: of texts that the regressions have not seen, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from bertfit.analysis import cross_validation
from bertfit.analysis.cross_validation import Features


def one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(labels.max() + 1, dtype=bool)[labels]


def test_probabilities_follow_the_features() -> None:
    draw = np.random.default_rng(1)
    labels = draw.integers(0, 3, 300)
    matrix = np.eye(3)[labels] + draw.normal(0, 0.3, (300, 3))
    features = [Features(matrix, 1.0), Features(matrix, 10.0)]
    found = cross_validation.probabilities(features, one_hot(labels), np.arange(300), several=False)
    assert found.sum(axis=1) == pytest.approx(1) and (found.argmax(axis=1) == labels).mean() > 0.95
    assert np.array_equal(
        found, cross_validation.probabilities(features, one_hot(labels), np.arange(300), several=False)
    )


def test_a_text_is_not_predicted_from_its_own_group() -> None:
    """Each text has a feature of its own, shared with its copy: only the copy's label could tell."""
    labels = np.repeat(np.random.default_rng(2).integers(0, 2, 60), 2)
    groups = np.repeat(np.arange(60), 2)
    matrix = np.eye(60)[groups]
    apart = cross_validation.probabilities([Features(matrix, 100.0)], one_hot(labels), np.arange(120), several=False)
    together = cross_validation.probabilities([Features(matrix, 100.0)], one_hot(labels), groups, several=False)
    assert (apart.argmax(axis=1) == labels).mean() > 0.75
    assert together.max() < 0.65, "no more than the shares of the classes"


def test_several_labels_have_a_regression_each() -> None:
    draw = np.random.default_rng(3)
    members = draw.random((400, 3)) < [0.5, 0.2, 0.0]
    matrix = members + draw.normal(0, 0.3, members.shape)
    found = cross_validation.probabilities([Features(matrix, 10.0)], members, np.arange(400), several=True)
    assert ((found[:, :2] > 0.5) == members[:, :2]).mean() > 0.93
    assert (found[:, 2] == 0).all(), "no text has it"


def test_classes_that_some_fold_does_not_see() -> None:
    labels = np.array([0] * 20 + [1] * 6 + [2] * 6)
    groups = np.r_[np.arange(20), [20, 21, 22, 23, 23, 23], 24 + np.arange(6)]
    assert cross_validation.learnable(one_hot(labels), groups).tolist() == [True, False, True]
    found = cross_validation.probabilities(
        [Features(np.ones((7, 1)), 1.0)], one_hot(np.array([0, 0, 0, 0, 0, 0, 1])), np.arange(7), several=False
    )
    assert np.isfinite(found).all() and found.sum(axis=1) == pytest.approx(1)


def test_too_few_groups() -> None:
    with pytest.raises(ValueError, match="4 groups for 5 folds"):
        cross_validation.probabilities([], np.ones((8, 1), bool), np.arange(8) % 4, several=False)
