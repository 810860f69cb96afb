"""Drawn errors and mean squares: their rates of decisions are those of simulated test texts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bertfit.claims.claim_schema import Kind
from bertfit.power.drawn_errors import TestSet, Way
from bertfit.power.drawn_tests import Differences, for_and_against
from bertfit.power.spreads import Disagreement, Spread
from bertfit.statistics.paired_tests import at_common_error, mcnemar, two_way
from helpers.simulated_errors import CHANCE, HARD, OWN, Situation, sides

STUDIES = 1500
SCALE = np.sqrt(HARD**2 + OWN**2 + CHANCE**2)
SPREAD = Spread(disagreement=Disagreement(seeds=0.5, recipes=0.65, encoders=0.75), seeds={0: 0.02}, error=10, source="")


def simulated(situation: Situation, seeds: int) -> Differences:
    """Differences of studies whose texts are simulated."""
    parts = []
    for first, second, _ in sides(np.random.default_rng(5), STUDIES, seeds, situation):
        inflation = at_common_error(first.mean(-1), second.mean(-1), situation.examples)
        parts.append(two_way(second.astype(float) - first, inflation=inflation))
    mean, error, df = (np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[:3])
    return Differences(mean, error, df, np.full_like(mean, 1 / situation.examples), seeds, situation.examples)


def drawn(situation: Situation, seeds: int) -> Differences:
    """Differences of the same situation without texts: the spreads that follow from its hidden sums."""
    spread = situation.spreads[0] / SCALE

    def disagreement(shared: float) -> float:
        """Share of the texts that two models disagree on, over p (1 - p), from the variance that they share."""
        limits = np.full(2, stats.norm.ppf(situation.error))
        both = stats.multivariate_normal.cdf(limits, cov=[[1, shared], [shared, 1]])
        return float(2 * (situation.error - both) / (situation.error * (1 - situation.error)))

    of_seeds = disagreement((HARD**2 + OWN**2) / SCALE**2)
    of_ways = disagreement(HARD**2 / SCALE**2)
    stated = SPREAD.model_copy(update={"disagreement": Disagreement(seeds=of_seeds, recipes=of_ways, encoders=of_ways)})
    lower = stats.norm.cdf(stats.norm.ppf(situation.error) - situation.gain / np.hypot(SCALE, situation.spreads[0]))
    ways = [Way("mini", error, tuple(range(seeds)), spread) for error in (float(lower), situation.error)]
    return TestSet(np.random.default_rng(6), ways, situation.examples, stated, 4000).difference({0: -1, 1: 1})


@pytest.mark.parametrize(
    ("situation", "seeds"),
    [
        (Situation(400, 0.1, (0.1, 0.1)), 3),
        (Situation(400, 0.1, (0.1, 0.1), gain=0.4), 3),
        (Situation(600, 0.1, (0.05, 0.05), gain=0.2), 5),
    ],
)
def test_decisions_are_as_frequent_as_with_simulated_texts(situation: Situation, seeds: int) -> None:
    texts, numbers = simulated(situation, seeds), drawn(situation, seeds)
    kinds: tuple[tuple[Kind, float], ...] = (("better", 1.0), ("equal", 4.0), ("not better", 2.0))
    for kind, margin in kinds:
        for expected, found in zip(
            for_and_against(kind, margin, texts), for_and_against(kind, margin, numbers), strict=True
        ):
            rate, other = (expected < 0.05).mean(), (found < 0.05).mean()
            deviation = np.sqrt(max(rate * (1 - rate), 0.01) * (1 / len(expected) + 1 / len(found)))
            assert other == pytest.approx(rate, abs=3.5 * deviation), (kind, rate, other)
    assert numbers.value.std() == pytest.approx(texts.value.std(), rel=0.08)
    assert np.median(numbers.error) == pytest.approx(np.median(texts.error), rel=0.05)


def test_one_seed_has_mcnemars_test_and_the_same_weights_the_same_numbers() -> None:
    way = Way("mini", 0.1, (1,), 0.02)
    test_set = TestSet(np.random.default_rng(1), [way, way], 300, SPREAD, 50)
    found = test_set.difference({0: -1, 1: 1})
    assert found is test_set.difference({1: 1, 0: -1}) and found.exact is not None
    gained, discordant = np.round(found.value * 300), np.round((found.error**2 * 300 + found.value**2) * 300)
    for gain, count, p in zip(gained, discordant, found.exact, strict=True):
        near = [n for n in range(int(count) - 3, int(count) + 4) if n >= abs(gain) and (n - gain) % 2 == 0]
        assert any(mcnemar(int(n + gain) // 2, int(n - gain) // 2) == pytest.approx(p) for n in near)
    assert {count for count in np.round(test_set.rates[0] * 300, 6).ravel() % 1} == {0.0}, "whole texts"


def test_ways_without_randomness_and_without_common_seeds() -> None:
    ways = [Way("tfidf", 0.12, (1,), None), Way("mini", 0.1, (1, 2, 3), 0.05), Way("mini", 0.1, (4,), 0.05)]
    test_set = TestSet(np.random.default_rng(1), ways, 300, SPREAD, 50)
    assert test_set.difference({0: -1, 1: 1}).seeds == 3 and test_set.rates[0].shape == (50, 1)
    with pytest.raises(ValueError, match="without a common seed"):
        test_set.difference({1: -1, 2: 1})
