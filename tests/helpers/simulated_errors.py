"""Made-up errors of two strategies on one test set, of whom one may be better: the truth that tests are held against.

An example is got wrong where a hidden sum exceeds a threshold: how hard the example is (for both strategies, and for
this one), how badly this seed went, and chance. Seeds of one strategy share nothing with those of the other. Thresholds
are such that both strategies have the error rate that is asked for, whatever their spreads and failed runs.

Shapes: R repetitions, S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

HARD, OWN, CHANCE = 1.0, 0.5, 0.5  # standard deviations of the parts
CHUNK = 1_000_000  # values drawn at once


@dataclass(frozen=True)
class Situation:
    """Two strategies and a test set."""

    examples: int = 400
    error: float = 0.2
    """share of the examples that the second strategy gets wrong; the first one as well, without a ``gain``"""
    spreads: tuple[float, float] = (0.15, 0.15)
    """standard deviations between seeds, where the difficulty of an example has 1"""
    gain: float = 0.0
    """how much lower the first one's hidden sums are; 0 is the null hypothesis"""
    clusters: NDArray[np.int64] | None = None
    """[N] clusters of examples, which share their difficulty for both strategies and for each"""
    shared: float = 1.0
    """share of the variance of the difficulty that a cluster has in common"""
    failed: tuple[float, float] = (0.0, 0.0)
    """shares of runs that fail, and get half of the examples wrong"""
    tails: str = "normal"
    """of the seeds: normal, heavy (t with 3 degrees of freedom) or lognormal (skewed to bad seeds)"""


def sides(
    random: np.random.Generator, repetitions: int, seeds: int, situation: Situation
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]]:
    """Chunks of which examples the first and the second strategy get wrong, each [r, S, N], and the difference [r, S]
    that their seeds would have on infinitely many examples, second less first."""
    examples = situation.examples
    chunk = max(1, CHUNK // (seeds * examples))
    for start in range(0, repetitions, chunk):
        size = min(chunk, repetitions - start)
        hard = HARD * _difficulty(random, size, situation)
        wrong, expected = [], []
        for which in (0, 1):
            failing, spread = situation.failed[which], situation.spreads[which]
            scale = np.sqrt(HARD**2 + OWN**2 + CHANCE**2 + spread**2)
            threshold = stats.norm.ppf(1 - (situation.error - 0.5 * failing) / (1 - failing)) * scale
            threshold += situation.gain if which == 0 else 0.0
            of_seed = spread * _seed_effects(random, (size, seeds, 1), situation.tails)
            sums = hard + OWN * _difficulty(random, size, situation) + of_seed.astype(np.float32)
            chance = np.float32(CHANCE) * random.standard_normal((size, seeds, examples), dtype=np.float32)
            side = sums + chance > threshold
            rate = stats.norm.sf((threshold - of_seed[..., 0]) / np.sqrt(HARD**2 + OWN**2 + CHANCE**2))
            if failing:
                fails = random.random((size, seeds)) < failing
                side = np.where(fails[..., None], random.random((size, seeds, examples)) < 0.5, side)
                rate = np.where(fails, 0.5, rate)
            wrong.append(side)
            expected.append(rate)
        yield wrong[0], wrong[1], expected[1] - expected[0]


def differences(
    random: np.random.Generator,
    repetitions: int,
    seeds: int,
    examples: int,
    *,
    error: float,
    spread: float,
    gain: float = 0,
) -> Iterator[NDArray[np.float32]]:
    """Chunks [r, S, N] of error of the second less error of the first strategy (-1, 0, 1), of equal spreads."""
    situation = Situation(examples, error, (spread, spread), gain)
    for first, second, _ in sides(random, repetitions, seeds, situation):
        yield second.astype(np.float32) - first


def clusters_of(sizes: str, examples: int, random: np.random.Generator) -> NDArray[np.int64]:
    """[N] clusters: all of one size (``10``), of all sizes (``1-30``), or half of the examples alone (``1+30``)."""
    if "-" in sizes:
        low, high = map(int, sizes.split("-"))
        drawn = random.integers(low, high + 1, examples)
    elif "+" in sizes:
        drawn = np.r_[np.ones(examples // 2, int), np.full(examples, int(sizes.split("+")[1]))]
    else:
        drawn = np.full(examples, int(sizes))
    return np.repeat(np.arange(len(drawn)), drawn)[:examples]


def _difficulty(random: np.random.Generator, size: int, situation: Situation) -> NDArray[np.float32]:
    """[r, 1, N] of unit variance."""
    alone = random.standard_normal((size, 1, situation.examples), dtype=np.float32)
    if situation.clusters is None:
        return alone
    of_cluster = random.standard_normal((size, 1, int(situation.clusters.max()) + 1), dtype=np.float32)
    common = np.float32(situation.shared)
    return np.asarray(np.sqrt(common) * of_cluster[..., situation.clusters] + np.sqrt(1 - common) * alone)


def _seed_effects(random: np.random.Generator, shape: tuple[int, ...], tails: str) -> NDArray[np.float64]:
    """Of unit variance and mean 0."""
    if tails == "heavy":
        return random.standard_t(3, shape) / np.sqrt(3)
    if tails == "lognormal":
        drawn = random.lognormal(0, 0.8, shape)
        return np.asarray((drawn - np.exp(0.32)) / np.sqrt((np.exp(0.64) - 1) * np.exp(0.64)))
    return random.standard_normal(shape)
