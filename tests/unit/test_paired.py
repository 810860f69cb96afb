"""Paired tests: hand-computed cases, plain twins, and how often they are wrong by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bertfit import paired
from simulated import differences


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
    found = paired.difference(np.array([[1, 0], [1, 1]]))
    assert (found.value, found.df, found.seeds, found.examples) == (0.75, 1, 2, 2)
    assert found.error == pytest.approx(math.sqrt(1.25 / 4))
    assert found.interval()[1] == pytest.approx(0.75 + 12.706205 * math.sqrt(1.25 / 4), rel=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_analysis_of_variance_is_the_plain_one(seed):
    values = np.random.default_rng(seed).integers(-1, 2, (3, 5))
    found = paired.difference(values)
    assert (found.value, found.error, found.df) == pytest.approx(plain_two_way(values.tolist()))


def test_many_at_once_are_one_by_one():
    values = np.random.default_rng(1).integers(-1, 2, (4, 3, 50))
    for at, each in enumerate(zip(*paired.two_way(values), strict=True)):
        one = paired.difference(values[at])
        assert each == pytest.approx((one.value, one.error, one.df))


def test_one_seed_is_mcnemar():
    values = np.zeros((1, 100))
    values[0, :10], values[0, 10] = 1, -1
    found = paired.difference(values)
    # 11 discordant, one of them the other way: 2 (1 + 11) / 2**11
    assert found.p() == found.exact == pytest.approx(24 / 2048)
    assert paired.mcnemar(10, 1) == pytest.approx(stats.binomtest(1, 11).pvalue)
    assert (found.value, found.df) == (pytest.approx(0.09), 99)
    # variance of the examples, and one discordant example
    assert found.error == pytest.approx(math.sqrt(values.var(ddof=1) / 100 + 1 / 100**2))
    assert paired.mcnemar(0, 0) == 1


def test_no_difference_at_all_still_has_an_error():
    found = paired.difference(np.zeros((3, 400)))
    assert (found.value, found.error, found.p()) == (0, 1 / 400, 1)
    assert found.within(0.004) > 0.05 > found.within(0.006)


def test_too_few_examples():
    with pytest.raises(ValueError, match="1 examples"):
        paired.difference(np.ones((3, 1)))


def test_margins_agree_with_the_interval():
    values = np.random.default_rng(2).integers(-1, 2, (4, 300))
    found = paired.difference(values)
    low, high = found.interval()
    assert found.below(high) == pytest.approx(0.05) and found.above(low) == pytest.approx(0.05)
    assert found.within(max(high, -low)) == pytest.approx(0.05, abs=1e-9)
    assert found.outside(0.5) == 1.0 and found.within(0.5) < 0.001
    assert found.p() == min(found.below(0), found.above(0))


def test_detectable_difference():
    found = paired.Difference(0, 0.01, 1e6, 5, 1000)
    assert found.detectable() == pytest.approx((1.959964 + 0.841621) * 0.01, rel=1e-4)


def test_average_of_corpora():
    parts = [paired.Difference(0.10, 0.03, 4, 5, 100), paired.Difference(0.02, 0.04, 10, 3, 400)]
    found = paired.average(parts)
    assert (found.value, found.seeds, found.examples) == (pytest.approx(0.06), 3, 100)
    assert found.error == pytest.approx(0.025)  # sqrt(0.0009 + 0.0016) / 2
    assert found.df == pytest.approx(0.0025**2 / (0.0009**2 / 4 + 0.0016**2 / 10))
    assert paired.average(parts[:1]) is parts[0]


def test_holm_by_hand():
    # 0.01 x 4, then 0.02 x 3 = 0.06, 0.03 x 2 = 0.06, 0.4; none smaller than the one before
    assert paired.holm([0.03, 0.01, 0.4, 0.02]) == pytest.approx([0.06, 0.04, 0.4, 0.06])
    assert paired.holm([0.04, 0.04]) == pytest.approx([0.08, 0.08])
    assert paired.holm([0.9, 0.8]) == [1, 1]
    assert paired.holm([]) == []


def test_spread_by_hand():
    wide, narrow = [np.array([0.1, 0.2, 0.5])], [np.array([0.30, 0.32, 0.29])]
    # distances from the median without the smallest: 0.1, 0.3 and 0.01, 0.02
    found = paired.spread(wide, narrow)
    assert (found.value, found.df, found.seeds) == (pytest.approx(0.185), 2, 3)
    assert found.p() == pytest.approx(stats.ttest_ind([0.1, 0.3], [0.01, 0.02]).pvalue)
    assert paired.spread([np.array([0.1])], narrow) is None
    assert paired.spread([np.array([0.1, 0.2])], [np.array([0.1, 0.2])]) is None  # one distance a side


def test_spread_of_equals_and_of_nothing():
    cell = np.array([0.25, 0.25, 0.25])
    assert paired.spread([cell], [cell]) is None


def false_alarms(seeds, spread, repetitions=1200):
    random = np.random.default_rng([seeds, int(100 * spread)])
    ps = []
    for values in differences(random, repetitions, seeds, 200, error=0.2, spread=spread):
        mean, error, df = paired.two_way(values)
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
        mean, error, df = paired.two_way(values)
        half = stats.t.ppf(0.975, df) * error
        found.append(2 * stats.t.sf(mean / error, df) < 0.05)
        intervals.append((mean - half, mean + half))
        truth.append(mean)
    truth = np.concatenate(truth).mean()
    low, high = np.concatenate(intervals, axis=1)
    assert np.concatenate(found).mean() > 0.8
    assert 0.93 <= ((low < truth) & (truth < high)).mean() <= 0.995
