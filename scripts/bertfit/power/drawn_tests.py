"""The tests of `statistics.difference` and `claims.assess`, Holm's correction and the verdict, for many differences.

They give the numbers that `Difference`, `holm` and `decide` give for one, in a hundredth of the time.

Shapes: R repetitions of a study, C comparisons of a claim. Errors and differences are shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertfit.claims.claim_schema import Kind
from bertfit.statistics.difference import Floats, tail
from bertfit.statistics.significance import LEVEL


@dataclass(frozen=True)
class Differences:
    """R mean differences, as `difference.Difference`; arrays [R]."""

    value: Floats
    error: Floats
    df: Floats
    step: Floats
    seeds: int
    examples: int
    exact: Floats | None = None

    def below(self, bound: float) -> Floats:
        """p for the claim that they are below ``bound``."""
        return np.minimum(1.0, 2 * tail(bound, self.value, self.error, self.df, self.step))

    def above(self, bound: float) -> Floats:
        """p for the claim that they are above ``bound``."""
        return np.minimum(1.0, 2 * tail(-bound, -self.value, self.error, self.df, self.step))

    def p(self) -> Floats:
        """Two-sided p of no difference."""
        return self.exact if self.exact is not None else np.minimum(self.below(0.0), self.above(0.0))

    def less_than(self, margin: float) -> Floats:
        """One-sided p for the claim that they are below ``margin``."""
        return tail(margin, self.value, self.error, self.df, self.step)

    def within(self, margin: float) -> Floats:
        """p for equivalence within ±``margin``."""
        return np.maximum(self.less_than(margin), tail(margin, -self.value, self.error, self.df, self.step))

    def outside(self, margin: float) -> Floats:
        """p for the claim that they are farther from 0 than ``margin``."""
        return np.minimum(self.below(-margin), self.above(margin))

    def below_published(self, published: float) -> Differences:
        """Gains over a published error, from minus our errors: as `assess` has them, with binomial uncertainty."""
        binomial = published * (1 - published) / self.examples
        error = np.sqrt(self.error**2 + binomial)
        df = error**4 / (self.error**4 / self.df + binomial**2 / (self.examples - 1))
        none = np.zeros_like(self.step)
        return replace(self, value=published + self.value, error=error, df=df, exact=None, step=none)


def average(parts: Sequence[Differences]) -> Differences:
    """As `paired_tests.average`: the mean over corpora."""
    if len(parts) == 1:
        return parts[0]
    count = len(parts)
    total = np.sum([part.error**2 for part in parts], axis=0)
    return Differences(
        np.mean([part.value for part in parts], axis=0),
        np.sqrt(total) / count,
        total**2 / np.sum([part.error**4 / part.df for part in parts], axis=0),
        np.mean([part.step for part in parts], axis=0) / count,
        min(part.seeds for part in parts),
        min(part.examples for part in parts),
    )


def for_and_against(kind: Kind, margin: float, effect: Differences) -> tuple[Floats, Floats]:
    """p values for and against a claim, as `assess.assess`; without the kinds about failed runs.

    ``margin``: in points.
    """
    bound = margin / 100
    if kind == "equal":
        return effect.within(bound), effect.outside(bound)
    if kind == "not better":
        return effect.less_than(bound), effect.above(bound)
    return np.where(effect.value > 0, effect.p(), 1.0), effect.below(bound)


def holm(values: Floats) -> Floats:
    """p values [R, C], corrected over C as `paired_tests.holm` does."""
    count = values.shape[1]
    order = np.argsort(values, axis=1, kind="stable")
    factors = np.arange(count, 0, -1)
    ascending = np.minimum(1.0, factors * np.take_along_axis(values, order, axis=1))
    corrected = np.empty_like(values)
    np.put_along_axis(corrected, order, np.maximum.accumulate(ascending, axis=1), axis=1)
    return corrected


def decided(support: Floats, against: Floats, *, complete: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """[R] whether a claim holds, and whether it does not hold, as `verdicts.decide`, from p values [R, C].

    ``complete``: `verdicts.complete`.
    """
    support, against = holm(support), holm(against)
    supported = (support < LEVEL).all(1)
    refuted = ((against < LEVEL) & (support >= LEVEL)).any(1) & ~supported
    return np.asarray(supported & complete), np.asarray(refuted)
