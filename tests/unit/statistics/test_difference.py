"""A difference: its interval and p values against bounds, by hand and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bertfit.statistics import paired_tests
from bertfit.statistics.difference import Difference, variance_at


def test_no_difference_at_all_still_has_an_error():
    found = paired_tests.difference(np.zeros((3, 400)))
    assert (found.value, found.error, found.p()) == (0, 1 / 400, 1)
    # one discordant example is added, so 1.96**2 * (1 + 1.96**2) is the square of what 400 examples leave open
    assert math.sqrt(1.959964**2 * (1 + 1.959964**2)) / 400 == pytest.approx(0.0107814, abs=1e-6)
    assert found.below(0.01075) > 0.05 > found.below(0.01080)
    # equivalence: each side at 5 %
    assert math.sqrt(1.644854**2 * (1 + 1.644854**2)) / 400 == pytest.approx(0.0079158, abs=1e-6)
    assert found.within(0.00789) > 0.05 > found.within(0.00794)


def test_a_bound_brings_its_own_variance():
    """Poisson counts of 1,000 examples: 3 won, 1 lost. Were 8 the true difference, 8 + 2 a is their likeliest sum."""
    won, lost, bound = 3, 1, 8
    chances = {
        a / 1000: stats.poisson.logpmf(lost, a / 1000) + stats.poisson.logpmf(won, a / 1000 + bound)
        for a in range(1, 5000)
    }
    likeliest = max(chances, key=chances.get)
    variance = variance_at(bound, won - lost, math.sqrt(won + lost), 1.0)
    assert variance == pytest.approx(bound + 2 * likeliest, abs=2e-3)
    # in shares, and through p: one more discordant example is added
    values = np.zeros((1, 1000))
    values[0, :3], values[0, 3] = 1, -1
    found = paired_tests.difference(values)
    assert found.error == pytest.approx(math.sqrt(5) / 1000, rel=1e-3)
    z = (0.002 - 0.008) / math.sqrt((5 + math.sqrt(25 + 4 * 8 * 6)) / 2) * 1000
    assert found.below(0.008) == pytest.approx(2 * stats.norm.cdf(z), rel=1e-2)
    assert found.above(0.0) == pytest.approx(2 * stats.t.sf(0.002 / found.error, 999))  # no difference: as it was seen


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3]), st.sampled_from([20, 300]))
def test_intervals_end_where_p_is_a_twentieth(seed, seeds, examples):
    draw = np.random.default_rng(seed)
    values = draw.choice([-1, 0, 1], p=[0.02, 0.9, 0.08], size=(seeds, examples))
    found = paired_tests.difference(values)
    low, high = found.interval()
    assert low < found.value < high
    assert found.below(high) == pytest.approx(0.05) and found.above(low) == pytest.approx(0.05)
    for bound in np.linspace(high, high + 0.1, 5)[1:]:
        assert found.below(bound) < 0.05


def test_margins_agree_with_the_interval():
    values = np.random.default_rng(2).integers(-1, 2, (4, 300))
    found = paired_tests.difference(values)
    low, high = found.interval()
    assert found.below(high) == pytest.approx(0.05) and found.above(low) == pytest.approx(0.05)
    low, high = found.interval(0.9)
    assert found.within(max(high, -low)) == pytest.approx(0.05, abs=1e-9)
    assert found.less_than(high) == pytest.approx(0.05, abs=1e-9)
    assert found.outside(0.5) == 1.0 and found.within(0.5) < 0.001
    assert found.p() == min(found.below(0), found.above(0))


def test_detectable_difference():
    found = Difference(0, 0.01, 1e6, 5, 1000)
    assert found.detectable() == pytest.approx((1.959964 + 0.841621) * 0.01, rel=1e-4)


def test_the_exclusion_of_a_gain_is_right_where_little_differs():
    """2,000 examples, a true gain of a tenth of a point, two of them: excluded in 2.5 % of the cases."""
    random = np.random.default_rng(1)
    for worse, better in ((0, 2), (1, 3), (4, 6)):
        lost, won = (random.poisson(expected, 3000) for expected in (worse, better))
        excluded = [one_seed(int(b), int(a)).below(0.001) < 0.05 for a, b in zip(lost, won, strict=True)]
        assert np.mean(excluded) <= 0.035 + 2 * math.sqrt(0.035 * 0.965 / 3000)


def one_seed(better, worse, examples=2000):
    """What `paired_tests.difference` says of one seed of so many examples; not through its test, for speed."""
    mean = (better - worse) / examples
    variance = ((better + worse) / examples - mean**2) / (examples - 1) + 1 / examples**2
    return Difference(mean, math.sqrt(variance), examples - 1, 1, examples, step=1 / examples)


def test_one_seed_is_made_as_it_is_found():
    values = np.zeros((1, 2000))
    values[0, :6], values[0, 6:9] = 1, -1
    plain, made = paired_tests.difference(values), one_seed(6, 3)
    assert (plain.value, plain.error, plain.step) == pytest.approx((made.value, made.error, made.step))
