"""What a study would need to decide what it left open, from the parts of a difference's variance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, sqrt

from bertfit.statistics.difference import Difference
from bertfit.statistics.significance import LEVEL

MOST_SEEDS = 100
MOST_TIMES = 1000  # as many examples
Decision = Callable[[Difference], float]
"""p of a decision"""


def seeds_needed(effect: Difference, distance: float, power: float = 0.8) -> int | None:
    """Seeds of all runs with which a true difference of ``distance`` is found with this power, on the same test set.

    None for one seed, and where `MOST_SEEDS` are not enough, since more seeds do not tell more of the examples.
    """
    if effect.seeds < 2:
        return None
    for seeds in range(effect.seeds, MOST_SEEDS + 1):
        if _with(effect, seeds / effect.seeds, 1.0).detectable(power) <= distance:
            return seeds
    return None


def examples_needed(effect: Difference, distance: float, power: float = 0.8) -> int | None:
    """Test examples with which a true difference of ``distance`` is found, as in `seeds_needed`, with the same seeds.

    None where a thousand times as many are not enough, since they do not tell more of the seeds, and where the error
    is that of seeds or runs alone (training errors, shares of failed runs).
    """
    if effect.seed_variance - effect.noise_variance >= effect.error**2 * (1 - 1e-9) or not effect.examples:
        return None
    low, high = 1.0, float(MOST_TIMES)
    if _with(effect, 1.0, high).detectable(power) > distance:
        return None
    while high / low > 1.01:
        middle = sqrt(low * high)
        low, high = (low, middle) if _with(effect, 1.0, middle).detectable(power) <= distance else (middle, high)
    return round(effect.examples * high)


def tolerated_spread(
    effect: Difference, parts: Sequence[Difference], decision: Decision, level: float = LEVEL
) -> float | None:
    """Largest standard deviation between seeds of the ``parts`` with one seed with which ``decision`` is still made.

    With one seed a part's error holds no variance between seeds, so that a decision concerns its trained model. It
    concerns other seeds as well if their differences vary less than this. None where every part has several seeds;
    0 where it is not made even so.
    """
    if all(part.seeds > 1 for part in parts):
        return None
    return largest_spread(lambda spread: decision(with_spread(effect, parts, spread)) < level)


def with_spread(effect: Difference, parts: Sequence[Difference], spread: float) -> Difference:
    """The mean ``effect`` if the ``parts`` with one seed have this standard deviation between seeds."""
    single = sum(part.seeds == 1 for part in parts)
    variance = effect.error**2 + single * spread**2 / len(parts) ** 2
    return replace(effect, error=sqrt(variance), exact=None)


def largest_spread(holds: Callable[[float], bool]) -> float:
    """Largest standard deviation, at most 1, with which something still ``holds``; 0 where it does not even with 0."""
    low, high = 0.0, 1.0
    if not holds(low):
        return 0.0
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _with(effect: Difference, times_seeds: float, times_examples: float) -> Difference:
    """The difference as a study of another size would see it: same value, variances by their parts."""
    between = max(effect.seed_variance - effect.noise_variance, 0.0)
    seeds = (between + effect.noise_variance / times_examples) / times_seeds
    rest = max(effect.error**2 - effect.seed_variance, effect.example_variance) / times_examples
    variance = seeds + rest
    df = effect.examples * times_examples - 1 if effect.examples else inf
    if effect.seeds > 1:
        df = min(df, (effect.seeds * times_seeds - 1) * variance / max(seeds, 1e-12))
    return replace(effect, error=sqrt(variance), df=max(df, 1.0))
