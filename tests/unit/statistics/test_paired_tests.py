"""Paired tests: hand-computed cases, reference implementations, and error rates by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bertfit.statistics import paired_tests
from bertfit.statistics.cluster_values import Clusters
from bertfit.statistics.difference import Difference
from helpers.simulated_errors import differences


def plain_two_way(values):
    """Two-way analysis of variance, sum by sum; three or more seeds."""
    seeds, examples = len(values), len(values[0])
    mean = sum(map(sum, values)) / (seeds * examples)
    rows = [sum(row) / examples for row in values]
    columns = [sum(row[n] for row in values) / seeds for n in range(examples)]
    by_seed = examples * sum((row - mean) ** 2 for row in rows) / (seeds - 1)
    by_example = seeds * sum((column - mean) ** 2 for column in columns) / (examples - 1)
    rest = sum((values[s][n] - rows[s] - columns[n] + mean) ** 2 for s in range(seeds) for n in range(examples))
    rest /= (seeds - 1) * (examples - 1)
    total = max(by_seed + max(by_example - rest, 0), by_example) + seeds / examples
    df = min((seeds - 1) * total / by_seed if by_seed else math.inf, examples - 1)
    return mean, math.sqrt(total / (seeds * examples)), df


def test_two_seeds_by_hand():
    # seeds' means 1/2, 1; examples' means 1, 1/2; mean squares 1/4, 1/4, 1/4; plus S / N = 1
    found = paired_tests.difference(np.array([[1, 0], [1, 1]]))
    assert (found.value, found.df, found.seeds, found.examples) == (0.75, 1, 2, 2)
    assert found.error == pytest.approx(math.sqrt(1.25 / 4))
    # per seed and per mean: 1/4 / 4, all of it noise; of the examples alone nothing
    assert (found.step, found.seed_variance, found.noise_variance, found.example_variance) == (0.5, 1 / 16, 1 / 16, 0)
    low, high = (0.75 + sign * 12.706205 * math.sqrt(1.25 / 4) for sign in (-1, 1))
    assert found.interval() == pytest.approx((low, high), rel=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_analysis_of_variance_is_the_plain_one(seed):
    values = np.random.default_rng(seed).integers(-1, 2, (3, 5))
    found = paired_tests.difference(values)
    assert (found.value, found.error, found.df) == pytest.approx(plain_two_way(values.tolist()))


def test_many_at_once_are_one_by_one():
    values = np.random.default_rng(1).integers(-1, 2, (4, 3, 50))
    for at, each in enumerate(zip(*paired_tests.two_way(values), strict=True)):
        one = paired_tests.difference(values[at])
        parts = (one.seed_variance, one.noise_variance, one.example_variance)
        assert each == pytest.approx((one.value, one.error, one.df, *parts))


def test_one_seed_is_mcnemar():
    values = np.zeros((1, 100))
    values[0, :10], values[0, 10] = 1, -1
    found = paired_tests.difference(values)
    # 11 discordant, one of them the other way: 2 (1 + 11) / 2**11
    assert found.p() == found.exact == pytest.approx(24 / 2048)
    assert paired_tests.mcnemar(10, 1) == pytest.approx(stats.binomtest(1, 11).pvalue)
    assert (found.value, found.df) == (pytest.approx(0.09), 99)
    # variance of the examples, and one discordant example
    assert found.error == pytest.approx(math.sqrt(values.var(ddof=1) / 100 + 1 / 100**2))
    assert paired_tests.mcnemar(0, 0) == 1


def test_too_few_examples():
    with pytest.raises(ValueError, match="1 examples"):
        paired_tests.difference(np.ones((3, 1)))


def test_average_of_corpora():
    parts = [Difference(0.10, 0.03, 4, 5, 100), Difference(0.02, 0.04, 10, 3, 400)]
    found = paired_tests.average(parts)
    assert (found.value, found.seeds, found.examples) == (pytest.approx(0.06), 3, 100)
    assert found.error == pytest.approx(0.025)  # sqrt(0.0009 + 0.0016) / 2
    assert found.df == pytest.approx(0.0025**2 / (0.0009**2 / 4 + 0.0016**2 / 10))
    assert paired_tests.average(parts[:1]) is parts[0]


def test_a_part_of_one_seed_adds_the_variance_of_its_examples_alone():
    parts = [
        Difference(0.10, 0.03, 4, 5, 100, step=0.01, seed_variance=0.0004),
        Difference(0.03, 0.01, 999, 1, 1000, exact=0.2, step=0.001),
    ]
    found = paired_tests.average(parts)
    assert (found.value, found.seeds, found.examples) == (pytest.approx(0.065), 1, 100)
    assert found.error == pytest.approx(math.sqrt(0.03**2 + 0.01**2) / 2)
    assert found.df == pytest.approx(0.001**2 / (0.03**4 / 4 + 0.01**4 / 999))
    assert (found.step, found.seed_variance, found.exact) == (pytest.approx(0.011 / 4), 0.0001, None)


def test_of_one_seed_everywhere_the_whole_has_one():
    parts = [Difference(0.1, 0.03, 99, 1, 100), Difference(0.02, 0.04, 399, 1, 400)]
    found = paired_tests.average(parts)
    assert (found.seeds, found.error) == (1, pytest.approx(0.025))


def test_holm_by_hand():
    # 0.01 x 4, then 0.02 x 3 = 0.06, 0.03 x 2 = 0.06, 0.4; none smaller than the one before
    assert paired_tests.holm([0.03, 0.01, 0.4, 0.02]) == pytest.approx([0.06, 0.04, 0.4, 0.06])
    assert paired_tests.holm([0.04, 0.04]) == pytest.approx([0.08, 0.08])
    assert paired_tests.holm([0.9, 0.8]) == [1, 1]
    assert paired_tests.holm([]) == []


def test_numbers_of_seeds_by_a_t_test():
    found = paired_tests.of_seeds(np.array([0.1, 0.2, 0.6]))
    expected = stats.ttest_1samp([0.1, 0.2, 0.6], 0)
    assert (found.value, found.df, found.seeds) == (pytest.approx(0.3), 2, 3)
    assert found.p() == pytest.approx(expected.pvalue)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval()))
    assert paired_tests.of_seeds(np.array([0.1])) is None
    assert paired_tests.of_seeds(np.array([0.1, 0.1])).p() < 1e-4


def test_the_variance_of_a_side_is_raised_to_the_common_error_rate():
    # the steady side determines the common rate, 0.2; the other one is below it, and varies more than it seems
    steady, shaky = np.array([0.2, 0.2, 0.2]), np.array([0.05, 0.10, 0.15])
    factor = float(paired_tests.at_common_error(shaky, steady, 10**6))
    assert factor == pytest.approx((0.2 * 0.8 / (0.1 * 0.9)) ** 2, rel=1e-3)
    # above the common rate it varies no less than it seems
    assert float(paired_tests.at_common_error(shaky + 0.2, steady, 10**6)) == pytest.approx(1, rel=1e-3)
    # equal variances: the mean of both is the common rate, and one of them is below it
    factor = float(paired_tests.at_common_error(np.array([0.1, 0.2]), np.array([0.3, 0.4]), 10**6))
    assert factor == pytest.approx((1 + (0.25 * 0.75 / (0.15 * 0.85)) ** 2) / 2, rel=1e-3)
    assert float(paired_tests.at_common_error(np.array([0.1]), np.array([0.3]), 100)) == 1


def test_inflation_is_of_the_variance_between_seeds():
    values = np.random.default_rng(3).integers(-1, 2, (4, 50)) + np.array([[0.5], [-0.5], [0.2], [-0.2]])
    plain, raised = paired_tests.difference(values), paired_tests.difference(values, inflation=3.0)
    assert raised.seed_variance == pytest.approx(3 * plain.seed_variance)
    assert raised.example_variance == plain.example_variance
    added = 1 / 50**2 * Clusters.alone(50).jump(values) ** 2
    assert raised.error**2 == pytest.approx(raised.seed_variance + raised.example_variance + added)


def test_clusters_by_hand():
    """Three clusters of 2, 1 and 1 examples, two seeds: linearised values, and their analysis of variance."""
    clusters = Clusters(np.array([0, 1, 0, 2]))
    values = np.array([[1.0, 0, 1, 0], [0, 0, 1, 1]])
    # the mean of each seed is 1/2; sums 2, 0, 0 and 1, 0, 1 less sizes / 2, over 1 - size / 4, times 3 / 4
    first = np.array([(2 - 1) / 0.5, -0.5 / 0.75, -0.5 / 0.75]) * 0.75
    second = np.array([0.0, -0.5 / 0.75, 0.5 / 0.75]) * 0.75
    expected = np.stack([0.5 + first - first.mean(), 0.5 + second - second.mean()])
    assert clusters.linearised(values) == pytest.approx(expected)
    found = paired_tests.difference(values, clusters)
    assert (found.value, found.df, found.examples) == (0.5, 1, 4)
    means = expected.mean(0)
    # size-weighted sum of a cluster: (4 + 1 + 1) / (2 + 1 + 1)
    total = max(2 * means.var(ddof=1) - _rest(expected), 2 * means.var(ddof=1)) + 2 * 3 * (1.5 / 4) ** 2
    assert found.error == pytest.approx(math.sqrt(total / 6))
    assert found.step == 1.5 / 4


def _rest(values):
    residuals = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    return (residuals**2).sum() / ((len(values) - 1) * (values.shape[1] - 1))


@given(st.integers(0, 2**32 - 1))
def test_examples_alone_are_clusters_of_one(seed):
    values = np.random.default_rng(seed).integers(-1, 2, (3, 8))
    numbers = np.random.default_rng(seed).permutation(8)
    assert paired_tests.difference(values, Clusters(numbers)) == paired_tests.difference(values)


def test_repeated_examples_are_worth_one():
    """Every example ten times, as clusters: as each of them once, but for the correction of the clusters' share."""
    values = np.random.default_rng(5).choice([-1, 0, 1], p=[0.1, 0.7, 0.2], size=(3, 200))
    once = paired_tests.difference(values)
    repeated = paired_tests.difference(np.repeat(values, 10, axis=1), Clusters(np.repeat(np.arange(200), 10)))
    assert (repeated.value, repeated.step) == (pytest.approx(once.value), pytest.approx(once.step))
    assert repeated.error == pytest.approx(once.error, rel=0.01)
    assert repeated.df == pytest.approx(once.df, rel=0.02)
    alone = paired_tests.difference(np.repeat(values, 10, axis=1))
    assert alone.example_variance == pytest.approx(repeated.example_variance / 10, rel=0.02)


def false_alarms(seeds, spread, repetitions=1200):
    random = np.random.default_rng([seeds, int(100 * spread)])
    ps = []
    for values in differences(random, repetitions, seeds, 200, error=0.2, spread=spread):
        mean, error, df, *_ = paired_tests.two_way(values)
        ps.append(2 * stats.t.sf(np.abs(mean / error), df))
    return float(np.mean(np.concatenate(ps) < 0.05))


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("spread", [0.0, 0.15, 0.5])
def test_finds_nothing_in_nothing(seeds, spread):
    """At most 7 %, and two standard errors of 1,200 repetitions; bench/calibration.py has more of them."""
    assert false_alarms(seeds, spread) <= 0.07 + 2 * math.sqrt(0.07 * 0.93 / 1200)


def test_finds_a_true_difference_and_its_intervals_cover_it():
    found, truth, intervals = [], [], []
    for values in differences(np.random.default_rng(1), 600, 5, 400, error=0.2, spread=0.05, gain=0.25):
        mean, error, df, *_ = paired_tests.two_way(values)
        half = stats.t.ppf(0.975, df) * error
        found.append(2 * stats.t.sf(mean / error, df) < 0.05)
        intervals.append((mean - half, mean + half))
        truth.append(mean)
    truth = np.concatenate(truth).mean()
    low, high = np.concatenate(intervals, axis=1)
    assert np.concatenate(found).mean() > 0.8
    assert 0.93 <= ((low < truth) & (truth < high)).mean() <= 0.995
