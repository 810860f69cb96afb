"""Thresholds of labels: by hand, ties, rare labels, and against a search over all thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertfit.analysis import thresholds

HAS = np.array([1, 1, 1, 1, 1, 0, 0, 0], bool)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9, 0.9, 0.8, 0.8, 0.7, 0.3, 0.2, 0.1], 0.5),  # any from 0.3 to 0.7 separates: the default
        ([0.4, 0.4, 0.4, 0.4, 0.3, 0.1, 0.1, 0.0], 0.2),
        ([0.9, 0.9, 0.9, 0.9, 0.9, 0.7, 0.7, 0.6], 0.8),
        ([0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4], 0.2),  # all or none: F1 10/13 with all
        ([0.1, 0.2, 0.9, 0.9, 0.9, 0.3, 0.3, 0.3], 0.05),  # F1 6/8 with three of five, 10/13 with all
    ],
)
def test_one_label(values: list[float], expected: float) -> None:
    found = thresholds.best(np.array(values)[:, None], HAS[:, None])
    assert found == pytest.approx([expected])


def test_equal_f1_takes_the_nearest_to_one_half() -> None:
    """From 0.65 on 3 of 5 and none else: 6/8; from 0.25 on all 5 and three others would be 10/13: better."""
    values = np.array([0.9, 0.8, 0.3, 0.3, 0.3, 0.3, 0.3, 0.1])
    has = np.array([1, 1, 1, 1, 1, 0, 0, 0], bool)
    assert thresholds.best(values[:, None], has[:, None]) == pytest.approx([0.2])
    tied = np.array([0.9, 0.9, 0.9, 0.7, 0.6, 0.6, 0.3, 0.2])  # F1 6/8 from 0.9 on, and 6/8 from 0.2 on at best
    has = np.array([1, 1, 1, 0, 0, 0, 1, 1], bool)
    scores = {t: thresholds.f1(tied[:, None], has[:, None], np.array([t]))[0] for t in (0.8, 0.1)}
    assert scores == {0.8: 0.75, 0.1: pytest.approx(10 / 13)}
    assert thresholds.best(tied[:, None], has[:, None]) == pytest.approx([0.1])


def test_rare_labels_keep_one_half() -> None:
    values = np.full((20, 2), 0.1)
    labels = np.zeros((20, 2), bool)
    labels[:4, 0] = labels[:5, 1] = True
    values[:5] = 0.3
    assert thresholds.best(values, labels) == pytest.approx([0.5, 0.2])


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=30))
def test_no_other_threshold_is_better_or_as_good_and_nearer(rows: list[tuple[int, bool]]) -> None:
    values = np.array([[number / 20] for number, _ in rows])
    labels = np.array([[has] for _, has in rows])
    (found,) = thresholds.best(values, labels)
    if labels.sum() < thresholds.FEWEST:
        assert found == 0.5
        return
    candidates = np.linspace(0, 1, 201)
    scores = [thresholds.f1(values, labels, np.array([t]))[0] for t in candidates]
    ours = thresholds.f1(values, labels, np.array([found]))[0]
    assert ours >= max(scores) - 1e-9
    half = thresholds.f1(values, labels, np.array([0.5]))[0]
    assert found == 0.5 or ours > half + 1e-9


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N, C\)"):
        thresholds.best(np.zeros((3, 2)), np.zeros((3, 3), bool))
