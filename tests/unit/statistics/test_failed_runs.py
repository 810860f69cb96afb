"""Failed runs: which they are, and the test of their shares."""

import numpy as np
import pytest
from scipy import stats

from bertfit.statistics import failed_runs


def test_chance_is_the_error_of_the_most_frequent_class():
    assert failed_runs.chance(np.array([0, 0, 0, 1])) == 0.25
    assert failed_runs.chance(np.array([2, 2])) == 0


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.06, 0.07, 0.06], [False, False, False]),
        ([0.06, 0.07, 0.50], [False, False, True]),
        ([0.06, 0.279, 0.281], [False, False, True]),  # half way between 0.06 and 0.5 is 0.28
        ([0.35, 0.36, 0.42], [False, False, False]),  # half way is 0.425
        ([0.40, 0.45, 0.50], [True, True, True]),  # none below 80 % of chance
        ([0.30], [False]),
        ([0.41], [True]),
    ],
)
def test_a_run_failed_if_it_is_nearer_to_chance_than_to_the_best(errors, expected):
    assert failed_runs.near_chance(np.array(errors), 0.5).tolist() == expected
    labels = np.arange(2000) % 2
    wrong = np.array([np.arange(2000) < round(2000 * error) for error in errors])
    assert failed_runs.failed(wrong, labels).tolist() == expected


def test_nothing_fails_where_one_class_is_tested():
    assert not failed_runs.near_chance(np.array([0.0, 0.5]), 0.0).any()
    assert not failed_runs.failed(np.array([[True, False], [False, False]]), np.zeros(2, int)).any()


def test_a_good_classifier_of_a_rare_class_did_not_fail():
    """30 of 1,000 texts are spam: guessing the other class has 3 % error, a filter that finds half of it 2.5 %."""
    labels = (np.arange(1000) < 30).astype(int)
    half = (labels == 1) & (np.arange(1000) % 2 == 0) | np.isin(np.arange(1000), np.arange(500, 510))
    guessing, other_way = labels == 1, labels == 0
    assert (half.mean(), guessing.mean()) == (0.025, 0.03)
    assert failed_runs.failed(np.array([half, half]), labels).tolist() == [False, False]
    assert failed_runs.failed(np.array([half, guessing, other_way]), labels).tolist() == [False, True, True]
    assert failed_runs.failed(np.array([guessing, guessing]), labels).all()


def test_a_classifier_that_misses_rare_classes_did_not_fail():
    """20 classes of one text each are all wrong, which is 1.8 % of the texts."""
    labels = np.concatenate([np.arange(1000) % 2, np.arange(2, 22)])
    assert not failed_runs.failed(labels[None] >= 2, labels).any()


def test_shares_by_fishers_exact_test():
    found = failed_runs.share_difference((6, 9), (1, 9), seeds=3)
    assert (found.value, found.seeds, found.examples) == (pytest.approx(5 / 9), 3, 18)
    assert found.p() == pytest.approx(stats.fisher_exact([[6, 3], [1, 8]]).pvalue)
    low, high = found.interval()
    half = 1.959964 * (7 / 11 * 4 / 11 / 11 + 2 / 11 * 9 / 11 / 11) ** 0.5
    assert (low, high) == pytest.approx((5 / 9 - half, 5 / 9 + half), abs=1e-5)
    assert failed_runs.share_difference((0, 9), (0, 9), seeds=3).p() == 1
    assert failed_runs.share_difference((0, 0), (0, 9), seeds=3) is None
