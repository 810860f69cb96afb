"""Metrics: values of scikit-learn and of arithmetic by hand, intervals that cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score, matthews_corrcoef

from bertfit.statistics import metrics

LABELS = np.array([0, 0, 1, 1, 2, 2])
PREDICTED = np.array([[0, 1, 1, 1, 2, 0], [0, 0, 1, 1, 2, 2]])


def random_predictions(seeds=4, examples=300, classes=5):
    draw = np.random.default_rng(3)
    labels = draw.integers(0, classes, examples)
    right = draw.random((seeds, examples)) < 0.7
    return np.where(right, labels, draw.integers(0, classes, (seeds, examples))), labels


def test_first_of_ties_is_predicted():
    assert metrics.predictions(np.array([[[1.0, 1.0], [0.0, 2.0]]])).tolist() == [[0, 1]]


def test_confusion_has_labels_in_rows():
    counts = metrics.confusion(PREDICTED, LABELS, 3)
    assert counts[0].tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert counts[1].tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]


def test_metrics_by_hand():
    counts = metrics.confusion(PREDICTED, LABELS, 3)
    assert metrics.error_rate(counts).tolist() == pytest.approx([2 / 6, 0])
    # F1 of the classes: 2/4, 4/5, 2/3
    assert metrics.macro_f1(counts).tolist() == pytest.approx([(1 / 2 + 4 / 5 + 2 / 3) / 3, 1])
    # 4 hits of 6; predicted 2, 3, 1 and true 2, 2, 2: (24 - 12) / sqrt((36 - 14) (36 - 12))
    assert metrics.matthews(counts).tolist() == pytest.approx([12 / (22 * 24) ** 0.5, 1])


def test_metrics_are_those_of_scikit_learn():
    predicted, labels = random_predictions()
    counts = metrics.confusion(predicted, labels, 5)
    for seed, row in enumerate(predicted):
        assert metrics.macro_f1(counts)[seed] == pytest.approx(f1_score(labels, row, average="macro"))
        assert metrics.matthews(counts)[seed] == pytest.approx(matthews_corrcoef(labels, row))


def test_a_class_that_never_occurs_does_not_count():
    counts = metrics.confusion(PREDICTED, LABELS, 4)
    assert metrics.macro_f1(counts)[0] == pytest.approx(f1_score(LABELS, PREDICTED[0], average="macro"))
    assert metrics.matthews(metrics.confusion(np.zeros((1, 6), int), LABELS, 3)).tolist() == [0]


def test_predictions_and_labels_must_fit():
    with pytest.raises(ValueError, match="5 examples, labels of 6"):
        metrics.confusion(PREDICTED[:, :5], LABELS, 3)
    with pytest.raises(ValueError, match="0 to 1"):
        metrics.confusion(PREDICTED, LABELS, 2)


def test_mean_and_spread_over_seeds():
    found = metrics.summarise(PREDICTED, LABELS, 3)
    assert (found.mean, found.seeds, found.examples) == (pytest.approx(1 / 6), 2, 6)
    assert found.std == pytest.approx((1 / 3) / 2**0.5)
    assert np.isnan(metrics.summarise(PREDICTED[:1], LABELS, 3).std)


def test_intervals_are_no_narrower_than_one_test_set_allows_and_stay_in_range():
    predicted, labels = random_predictions()
    found = metrics.summarise(predicted, labels, 5)
    low, high = metrics.wilson(found.mean * 300, 300)
    assert 0 < found.low <= low < found.mean < high <= found.high < 1
    perfect = metrics.summarise(np.stack([labels] * 3), labels, 5)
    assert (perfect.low, perfect.high) == (0, metrics.wilson(0, 300)[1])
    for metric in ("macro_f1", "mcc"):
        one = metrics.summarise(predicted, labels, 5, metric)
        assert 0 < one.low < one.mean < one.high < 1
        assert metrics.summarise(np.stack([labels, labels]), labels, 5, metric).high == 1


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_scipys(count, level):
    errors, n = count
    expected = binomtest(errors, n).proportion_ci(level, "wilson")
    assert metrics.wilson(errors, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_wilson_contains_the_share(share, n):
    low, high = metrics.wilson(share * n, n)
    assert 0 <= low <= share * n / n <= high <= 1


def test_wilson_of_a_fraction_and_of_nonsense():
    # 5.42 % of 25,000 as by hand: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.959964
    assert metrics.wilson(1355.5, 25_000) == pytest.approx((0.0514808, 0.0570962), abs=1e-7)
    for errors, n in ((-1, 10), (11, 10), (0, 0)):
        with pytest.raises(ValueError, match="examples"):
            metrics.wilson(errors, n)
