"""Draws what the tests of a claim see of trainings that have not run: error rates, and the mean squares of differences.

A test text is got wrong for a reason that all ways to train share, one that is this way's, and one that is this
training's. Variances of the parts follow from how many texts two trainings disagree on (`spreads`). Sums over the texts
are drawn as normal numbers, mean squares as scaled chi-square numbers: no text is simulated. Texts count as
independent, trainings as never failing.

Shapes: R repetitions of the study, S seeds, G ways to train on one corpus. Errors are shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bertfit.power.drawn_tests import Differences
from bertfit.power.spreads import Spread
from bertfit.statistics.difference import Floats
from bertfit.statistics.paired_tests import MeanSquares, at_common_error, of_mean_squares


@dataclass(frozen=True)
class Way:
    """One way to train on a corpus: a run group.

    ``error``: the truth; ``seeds``: how many, in the order of the study; ``spread``: standard deviation between seeds
    on the probit scale, None for a way without randomness.
    """

    encoder: str
    error: float
    seeds: tuple[int, ...]
    spread: float | None


class TestSet:
    """Error rates of ways to train on one corpus, on its test texts, in R repetitions of the study."""

    __test__ = False  # no test, whatever pytest makes of the name

    def __init__(
        self, random: np.random.Generator, ways: Sequence[Way], texts: int, spread: Spread, repetitions: int
    ) -> None:
        self.random, self.ways, self.texts = random, list(ways), texts
        errors = np.array([way.error for way in ways])
        own = [spread.disagreement.seeds if way.spread is not None else 0.0 for way in ways]
        self.chance = np.array(own) * errors * (1 - errors) / 2
        """[G] variance of one text's mistake that is this training's own"""
        self.lasting = self._lasting(spread)
        """[G, G] covariance of the parts that all seeds of a way share"""
        common = self._normal(self.lasting, repetitions) / np.sqrt(texts)
        self.rates = [self._rates(way, common[:, index], self.chance[index]) for index, way in enumerate(self.ways)]
        """[R, S] of each way"""
        self._drawn: dict[tuple[tuple[int, int], ...], Differences] = {}

    def _lasting(self, spread: Spread) -> Floats:
        errors = [way.error for way in self.ways]
        covariance = np.diag([error * (1 - error) for error in errors]) - np.diag(self.chance)
        for index, first in enumerate(self.ways):
            for other, second in enumerate(self.ways[:index]):
                disagreeing = spread.disagreeing(
                    first.error, second.error, same_encoder=first.encoder == second.encoder
                )
                both = (first.error + second.error - disagreeing) / 2
                covariance[index, other] = covariance[other, index] = both - first.error * second.error
        values, vectors = np.linalg.eigh(covariance)
        return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)

    def _normal(self, covariance: Floats, repetitions: int) -> Floats:
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        return np.asarray(self.random.standard_normal((repetitions, len(covariance))) @ root.T)

    def _rates(self, way: Way, common: Floats, chance: float) -> Floats:
        shape = (len(common), len(way.seeds) if way.spread is not None else 1)
        rates = np.full(shape, way.error)
        if way.spread:
            centre = stats.norm.ppf(way.error) * np.sqrt(1 + way.spread**2)
            rates = stats.norm.cdf(centre + way.spread * self.random.standard_normal(shape))
        rates = rates + common[:, None] + np.sqrt(chance / self.texts) * self.random.standard_normal(shape)
        counts = np.clip(np.round(rates * self.texts), 0, self.texts)
        return np.asarray(counts / self.texts)

    def difference(self, weights: Mapping[int, int]) -> Differences:
        """The sum of the errors of ways (by number) times their ``weights``, over common seeds.

        The same weights give the same numbers each time. Raises `ValueError` without a common seed.
        """
        key = tuple(sorted(weights.items()))
        if key not in self._drawn:
            self._drawn[key] = self._difference(weights)
        return self._drawn[key]

    def _difference(self, weights: Mapping[int, int]) -> Differences:
        chosen = list(weights)
        varied = [self.ways[index] for index in chosen if self.ways[index].spread is not None]
        seeds = sorted(set.intersection(*(set(way.seeds) for way in varied))) if varied else [0]
        if not seeds:
            raise ValueError("ways to train without a common seed")
        sides = {index: self._of_seeds(index, seeds) for index in chosen}
        factors = np.array([weights[index] for index in chosen])
        values = np.sum([weights[index] * sides[index] for index in chosen], axis=0)
        lasting = float(factors @ self.lasting[np.ix_(chosen, chosen)] @ factors)
        noise = float(np.sum(factors**2 * self.chance[chosen]))
        count, mean = len(seeds), values.mean(-1)
        units = count * self._mean_square(lasting + noise / count, lasting + noise / count**2, len(mean))
        if count == 1:
            found = MeanSquares(np.zeros_like(mean), units, np.zeros_like(mean))
            exact = self._exact(mean, units) if set(weights.values()) <= {-1, 1} and len(weights) == 2 else None
        else:
            first, *second = (sides[index] for index in chosen)
            two = sorted(weights.values()) == [-1, 1]
            inflation = at_common_error(first, second[0], self.texts) if two else 1.0
            rest = self._mean_square(noise, noise, len(mean), count - 1)
            found = MeanSquares(self.texts * values.var(-1, ddof=1) * inflation, units, rest)
            exact = None
        two_way = of_mean_squares(mean, found, (count, self.texts), 1 / self.texts, self.texts - 1)
        return Differences(
            two_way.mean, two_way.error, two_way.df, np.full_like(mean, 1 / self.texts), count, self.texts, exact
        )

    def _of_seeds(self, index: int, seeds: Sequence[int]) -> Floats:
        """[R, S] error rates of a way with these seeds; one that is not random has the same with each."""
        way, rates = self.ways[index], self.rates[index]
        if way.spread is None:
            return np.repeat(rates, len(seeds), axis=1)
        return rates[:, [way.seeds.index(seed) for seed in seeds]]

    def _mean_square(self, variance: float, fourth: float, repetitions: int, copies: int = 1) -> Floats:
        """[R] estimates of a variance between texts.

        Most texts have the value 0, so that few determine it: the relative variance of the estimate is that of the
        fourth moment, about ``fourth``, and not the 2 / N of normal values.
        """
        if variance <= 0:
            return np.zeros(repetitions)
        freedom = max(1.0, 2 * self.texts * copies * variance**2 / fourth)
        return np.asarray(variance * self.random.chisquare(freedom, repetitions) / freedom)

    def _exact(self, mean: Floats, units: Floats) -> NDArray[np.float64]:
        """p of McNemar's test, as `paired_tests.mcnemar`: of the texts that only one of two models got wrong."""
        gained = np.round(mean * self.texts)
        discordant = np.maximum(np.round((units + mean**2) * self.texts), np.abs(gained))
        discordant += (discordant - gained) % 2
        fewer = (discordant - np.abs(gained)) / 2
        return np.minimum(1.0, 2 * stats.binom.cdf(fewer, discordant, 0.5))
