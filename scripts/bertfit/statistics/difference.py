"""A mean difference in error with its standard error: intervals, and p values against bounds.

If the true difference were ``bound``, at least that share of the examples would be discordant. Where hardly any is, the
observed variance is too small, so a bound is excluded only if a score test (as Tango's of 1998), whose variance is the
most likely one under that bound, excludes it as well. Errors and differences are shares, not percent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second to import

from bertfit.statistics.significance import LEVEL

Floats = NDArray[np.float64]
Number = Floats | float


@dataclass(frozen=True)
class Difference:
    """A mean difference with its standard error and degrees of freedom."""

    value: float
    error: float
    df: float
    seeds: int
    examples: int
    exact: float | None = None
    """p of no difference, where it is not that of `below` and `above` (one seed: McNemar's)"""
    step: float = 0.0
    """change of the mean by one more discordant example or cluster; 0 where values are no differences of examples"""
    seed_variance: float = 0.0
    """part of ``error**2`` that more seeds reduce; 0 for one seed, whose part is unknown"""
    noise_variance: float = 0.0
    """part of ``seed_variance`` that more examples reduce, too"""
    example_variance: float = 0.0
    """part of ``error**2`` that only more examples reduce"""

    def interval(self, level: float = 1 - LEVEL) -> tuple[float, float]:
        """Two-sided confidence interval of the difference, consistent with `above` and `below`."""
        low, high = (sign * self._end(sign, level) for sign in (-1, 1))
        return low, high

    def p(self) -> float:
        """Two-sided p of no difference."""
        return self.exact if self.exact is not None else min(self.below(0.0), self.above(0.0))

    def below(self, bound: float) -> float:
        """p for the claim that it is below ``bound``: twice the one-sided p, 0.05 at the end of the 95 % interval."""
        return min(1.0, 2 * float(tail(bound, self.value, self.error, self.df, self.step)))

    def above(self, bound: float) -> float:
        """p for the claim that it is above ``bound``, as in `below`."""
        return min(1.0, 2 * float(tail(-bound, -self.value, self.error, self.df, self.step)))

    def less_than(self, margin: float) -> float:
        """One-sided p for the claim that it is below ``margin``: a test of non-inferiority."""
        return float(tail(margin, self.value, self.error, self.df, self.step))

    def within(self, margin: float) -> float:
        """p for equivalence within ±``margin``: the larger one of two one-sided tests (Schuirmann 1987).

        Below 0.05 if the 90 % interval lies inside: both tests must reject, so neither needs a correction.
        """
        return max(self.less_than(margin), float(tail(margin, -self.value, self.error, self.df, self.step)))

    def outside(self, margin: float) -> float:
        """p for the claim that it is farther from 0 than ``margin``."""
        return min(self.below(-margin), self.above(margin))

    def _end(self, sign: int, level: float) -> float:
        """Upper end of the interval of ``sign`` times the difference: the farther of the t test and the score test."""
        value = sign * self.value
        t_end = value + float(special.stdtrit(self.df, (1 + level) / 2)) * self.error
        return max([t_end, *self._score_ends(value, float(special.ndtri((1 + level) / 2)))])

    def _score_ends(self, value: float, z: float) -> list[float]:
        """Bounds that the score test just fails to exclude: (bound - value)**2 = z**2 * `variance_at` (bound).

        With d = (bound - value) / step, v = value / step and n = (error / step)**2, `variance_at` is
        step**2 (n + sqrt(n**2 + 4 d (d + v))) / 2. Isolating the square root, squaring and dividing by 4 d / z**4 gives

            d**3 - z**2 (n + z**2) d - z**4 v = 0
        """
        if not self.step:
            return []
        v, n = value / self.step, (self.error / self.step) ** 2
        roots = np.roots([1.0, 0.0, -(z**2) * (n + z**2), -(z**4) * v])
        return [value + float(root.real) * self.step for root in roots if abs(root.imag) < 1e-9]

    def detectable(self, power: float = 0.8) -> float:
        """Smallest true difference that the test detects with this power, given the standard error."""
        return float(special.stdtrit(self.df, 1 - LEVEL / 2) + special.stdtrit(self.df, power)) * self.error


def tail(bound: Number, value: Number, error: Number, df: Number, step: Number) -> Floats:
    """One-sided p for a difference below ``bound``, from the fields of a `Difference`; broadcasts."""
    score = special.ndtr((np.asarray(value) - bound) / np.sqrt(variance_at(bound, value, error, step)))
    return np.maximum(special.stdtr(df, (np.asarray(value) - bound) / error), score)


def variance_at(bound: Number, value: Number, error: Number, step: Number) -> Floats:
    """Maximum-likelihood variance of the mean ``value`` if ``bound`` is the true difference; at least ``error**2``.

    Counts a and b of discordant examples are Poisson. If their true difference b - a is d, and n and v are their
    observed sum and difference, the maximum-likelihood estimate of a + b is (n + sqrt(n**2 + 4 d (d - v))) / 2.
    """
    observed = np.square(error)
    discriminant = np.square(observed) + 4 * np.square(step) * bound * (np.asarray(bound) - value)
    return np.maximum(observed, (observed + np.sqrt(np.maximum(discriminant, 0))) / 2)
