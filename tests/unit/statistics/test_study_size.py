"""What a study would have needed: by hand from the parts of a variance."""

import numpy as np
import pytest
from scipy import stats

from bertfit.statistics import study_size
from bertfit.statistics.difference import Difference
from bertfit.statistics.failed_runs import share_difference
from bertfit.statistics.paired_tests import of_seeds


def test_more_seeds_reduce_the_part_between_seeds():
    # 5 seeds: 1e-4 between seeds, 1e-6 of the examples
    effect = Difference(0.01, 0.0101**0.5 / 10, 4.04, 5, 10_000, seed_variance=1e-4, example_variance=1e-6)
    seeds = study_size.seeds_needed(effect, 0.02)

    def detectable(count):
        between, rest = 1e-4 * 5 / count, effect.error**2 - 1e-4
        variance = between + rest
        df = (count - 1) * variance / between
        return (stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)) * variance**0.5

    assert detectable(seeds) <= 0.02 < detectable(seeds - 1)
    assert study_size.seeds_needed(effect, 0.001) is None  # of the examples alone it is more
    assert study_size.seeds_needed(Difference(0.01, 0.01, 99, 1, 100), 0.02) is None


def test_more_examples_reduce_the_rest():
    effect = Difference(0.01, 0.01, 399, 3, 400, seed_variance=0.5e-4, noise_variance=0.5e-4, example_variance=0.5e-4)
    times = study_size.examples_needed(effect, 0.01) / 400
    # all of it goes down; 2 x 1e-4 / 0.5e-4 degrees of freedom stay
    assert times == pytest.approx((stats.t.ppf(0.975, 4) + stats.t.ppf(0.8, 4)) ** 2, rel=0.02)
    of_seeds = Difference(0.01, 0.01, 4, 3, 400, seed_variance=0.9e-4, example_variance=0.1e-4)
    assert study_size.examples_needed(of_seeds, 0.01) is None


def test_what_has_no_test_examples_needs_seeds_alone():
    """Training errors of three seeds: 0.010, 0.000 and 0.020; shares of failed runs, 3 of 9 and 0 of 9."""
    effect = of_seeds(np.array([0.01, 0.0, 0.02]))
    seeds = study_size.seeds_needed(effect, 0.01)

    def detectable(count):
        return (stats.t.ppf(0.975, count - 1) + stats.t.ppf(0.8, count - 1)) * 0.01 / count**0.5

    assert detectable(seeds) <= 0.01 < detectable(seeds - 1)
    assert study_size.examples_needed(effect, 0.01) is study_size.examples_needed(effect, 1.0) is None
    shares = share_difference((3, 9), (0, 9), seeds=3)
    assert study_size.examples_needed(shares, 1 / 3) is None  # formerly "38 test texts", which are runs
    assert study_size.seeds_needed(shares, 1 / 3) == 9  # 0.169 sqrt(3 / 9) (2.31 + 0.89) = 0.312, and 0.337 with 8


def test_how_much_seeds_may_vary():
    several, single = Difference(0.1, 0.01, 50, 5, 100), Difference(0.1, 0.01, 99, 1, 100)
    effect = Difference(0.1, 0.01 / 2**0.5, 150, 1, 100)
    spread = study_size.tolerated_spread(effect, [several, single], lambda found: found.p())
    error = (effect.error**2 + spread**2 / 4) ** 0.5
    assert stats.t.sf(0.1 / error, 150) * 2 == pytest.approx(0.05, abs=1e-3)
    assert study_size.tolerated_spread(several, [several], lambda found: found.p()) is None
    assert study_size.tolerated_spread(effect, [single, single], lambda found: 0.2) == 0
