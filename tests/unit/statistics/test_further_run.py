"""Where one more run is to be expected: by hand, how often it is there, and where nothing is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bertfit.statistics.further_run import prediction_interval

EXAMPLES = 25_000  # those of IMDb
Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def share_inside(draw: Draw, seeds: int, examples: int = EXAMPLES, repetitions: int = 20_000) -> float:
    """How often a further run lies in the interval of ``seeds`` runs that ``draw`` gives, as the published one may."""
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(repetitions):
        *errors, further = np.round(draw(random, seeds + 1) * examples) / examples
        low, high = prediction_interval(np.array(errors), examples) or (np.nan, np.nan)
        inside += low - 1e-12 <= further <= high + 1e-12
    return inside / repetitions


def normal(random: np.random.Generator, runs: int) -> NDArray[np.float64]:
    """Errors of 5.4 % with a standard deviation of 0.07 points between seeds, as reported for IMDb."""
    return 0.054 + 0.0007 * random.standard_normal(runs)


def heavy(random: np.random.Generator, runs: int) -> NDArray[np.float64]:
    """The same with the tails of a t distribution of three degrees of freedom."""
    return 0.054 + 0.0007 * random.standard_t(3, runs)


def best_of_four(random: np.random.Generator, runs: int) -> NDArray[np.float64]:
    """The best of four epochs, whose errors differ half by seed and half by chance."""
    epochs = random.standard_normal((4, runs)) + random.standard_normal(runs)
    return 0.054 + 0.0005 * epochs.min(axis=0)


def test_by_hand() -> None:
    """Errors of 5, 6 and 7 %: t(0.975, 2) = 4.303, times 1, times the root of 4/3."""
    low, high = prediction_interval(np.array([0.05, 0.06, 0.07]), 1000) or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.06 - 0.04968, abs=1e-5), pytest.approx(0.06 + 0.04968, abs=1e-5))


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("draw", [normal, best_of_four])
def test_a_further_run_is_inside_in_95_percent(draw: Draw, seeds: int) -> None:
    assert share_inside(draw, seeds) == pytest.approx(0.95, abs=0.005)  # standard error: 0.0015


def test_with_heavy_tails_it_is_inside_less_often() -> None:
    assert share_inside(heavy, 3) == pytest.approx(0.936, abs=0.005)
    assert share_inside(heavy, 5) == pytest.approx(0.928, abs=0.005)


@pytest.mark.parametrize("seeds", [3, 5])
def test_runs_that_agree_on_a_small_test_set_are_no_proof(seeds: int) -> None:
    """TREC has 500 questions: three seeds often make the same number of mistakes, and the fourth one more."""

    def few(random: np.random.Generator, runs: int) -> NDArray[np.float64]:
        return random.uniform(0.026, 0.032) + 0.0006 * random.standard_normal(runs)

    assert share_inside(few, seeds, examples=500) >= 0.94
    low, high = prediction_interval(np.full(3, 14 / 500), 500) or (0.0, 0.0)
    assert low < 13 / 500 and high > 15 / 500


def test_where_nothing_is_known() -> None:
    assert prediction_interval(np.array([0.05]), 1000) is None
    assert prediction_interval(np.array([0.05, 0.06, 0.5]), 1000, failures=1) is None
