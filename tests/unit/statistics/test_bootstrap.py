"""The Multi-Bootstrap: variances of arithmetic by hand, and draws that depend on content alone."""

import numpy as np
import pytest

from bertfit.statistics import bootstrap, metrics
from bertfit.statistics.cluster_values import Clusters


def random_predictions(seeds=4, examples=300, classes=5):
    draw = np.random.default_rng(3)
    labels = draw.integers(0, classes, examples)
    right = draw.random((seeds, examples)) < 0.7
    return np.where(right, labels, draw.integers(0, classes, (seeds, examples))), labels


def test_the_interval_of_a_metric_is_that_of_the_error_where_they_are_one():
    """With two even classes and one seed, 1 - error is a metric like the others; its bootstrap has a known error."""
    draw = np.random.default_rng(1)
    labels = np.arange(2000) % 2
    predicted = np.where(draw.random(2000) < 0.9, labels, 1 - labels)[None]
    _, sampled = bootstrap.metric(predicted, labels, 2, metrics.error_rate, resamples=20_000)
    share = (predicted != labels).mean()
    assert sampled.std() == pytest.approx((share * (1 - share) / 2000) ** 0.5, rel=0.02)
    assert sampled.mean() == pytest.approx(share, abs=1e-3)


def test_resampled_means_have_the_variance_that_arithmetic_says():
    draw = np.random.default_rng(5)
    values = draw.integers(-1, 2, (3, 40)) + np.array([[0], [1], [0]])
    sampled = bootstrap.means(values, resamples=40_000)
    assert sampled.mean() == pytest.approx(values.mean(), abs=0.01)
    assert sampled.var() == pytest.approx(bootstrap.variance(values), rel=0.03)
    # one seed, values 0 and 1: the binomial variance
    assert bootstrap.variance(np.array([[0, 0, 0, 1]])) == pytest.approx(0.25 * 0.75 / 4)


def test_patterns_are_drawn_as_examples_are():
    """The two-way draw of a metric agrees with that of the plain means of errors."""
    predicted, labels = random_predictions(seeds=3, examples=60)
    both, _ = bootstrap.metric(predicted, labels, 5, metrics.error_rate, resamples=40_000)
    assert both.var() == pytest.approx(bootstrap.variance(predicted != labels), rel=0.03)


def test_draws_depend_on_content_alone():
    values = np.eye(3, 50)
    assert np.array_equal(bootstrap.means(values), bootstrap.means(values.copy(order="F")))
    assert np.array_equal(bootstrap.means(values.astype(np.int8)), bootstrap.means(values))
    assert not np.array_equal(bootstrap.means(values), bootstrap.means(values[::-1]))


def test_resampled_rows_keep_clusters_together():
    clusters = Clusters(np.array([0, 0, 0, 1, 2, 2]))
    drawn = list(bootstrap.rows(clusters, seed=1, resamples=3000))
    times = np.array([np.bincount(rows, minlength=6) for rows in drawn])
    assert (times[:, 0] == times[:, 1]).all() and (times[:, 0] == times[:, 2]).all()
    assert (times[:, [0, 3, 4]].sum(1) == 3).all() and times.mean(0) == pytest.approx(1, abs=0.05)
    alone = np.array([np.bincount(rows, minlength=6) for rows in bootstrap.rows(Clusters.alone(6), 1, 3000)])
    assert (alone.sum(1) == 6).all() and alone.var(0) == pytest.approx(1 - 1 / 6, abs=0.1)
