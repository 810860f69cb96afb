"""Paired tests of strategies over seeds and test examples, Holm's correction, and equivalence within a margin.

Seeds and test examples are crossed random effects. Their variance components come from a two-way analysis of variance
of the S x N matrix of differences, as for readers and cases in multi-reader studies (Hillis 2007); tests over seeds
alone or over examples alone do not keep their level. Simulation (bench/calibration.py) led to two corrections: the
variance is at least that of the examples alone, and the degrees of freedom grow linearly with the examples' share of
it, not with its square.

A third correction concerns bounds. If the true difference were ``bound``, at least that share of the examples would be
discordant. Where hardly any is, the observed variance is too small, so a bound is excluded only if a score test (as
Tango's of 1998), whose variance is the most likely one under that bound, excludes it as well.

Shapes: S seeds, N test examples. Errors and differences are shares, not percent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.05
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
    """change of the mean by one more discordant example; 0 where the values are no differences of examples"""
    between_seed_variance: float = 0.0
    """variance of a seed's mean difference between seeds; 0 for one seed"""

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

    def within(self, margin: float) -> float:
        """p for equivalence within ±``margin`` by two one-sided tests; below 0.05 if the 95 % interval lies inside."""
        return max(self.below(margin), self.above(-margin))

    def outside(self, margin: float) -> float:
        """p for the claim that it is farther from 0 than ``margin``."""
        return min(self.below(-margin), self.above(margin))

    def _end(self, sign: int, level: float) -> float:
        """Upper end of the interval of ``sign`` times the difference: the farther of the t test and the score test."""
        value = sign * self.value
        t_end = value + float(stats.t.ppf((1 + level) / 2, self.df)) * self.error
        return max([t_end, *self._score_ends(value, float(stats.norm.ppf((1 + level) / 2)))])

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
        return float(stats.t.ppf(1 - LEVEL / 2, self.df) + stats.t.ppf(power, self.df)) * self.error


def difference(values: NDArray) -> Difference:
    """Mean of ``values`` [S, N], paired differences in error of each seed and example, with its standard error.

    With one seed and values of -1, 0 and 1, p is McNemar's exact one: it compares two trained models, not two
    strategies. Raises `ValueError` for fewer than two examples.
    """
    values = np.asarray(values, dtype=np.float64)
    seeds, examples = values.shape
    mean, error, df = (float(number) for number in two_way(values))
    step = max(1.0, float(np.abs(values).max())) / examples
    between_seed_variance = float(values.mean(-1).var(ddof=1)) if seeds > 1 else 0.0
    exact = None
    if seeds == 1 and np.isin(values, (-1, 0, 1)).all():
        exact = mcnemar(int((values > 0).sum()), int((values < 0).sum()))
    return Difference(mean, error, df, seeds, examples, exact, step, between_seed_variance)


def of_seeds(values: NDArray) -> Difference:
    """Mean of ``values`` [S] of seeds, two or more, with the t test's standard error: only seeds are random."""
    seeds = len(values)
    error = max(float(values.std(ddof=1)) / np.sqrt(seeds), 1e-9)
    return Difference(float(values.mean()), error, seeds - 1, seeds, seeds, between_seed_variance=error**2 * seeds)


def two_way(values: NDArray) -> tuple[Floats, Floats, Floats]:
    """Mean of ``values`` [..., S, N], its standard error and degrees of freedom, by two-way analysis of variance.

    The variance is increased by 1 / N**2, one discordant example (after Agresti and Min 2005), so that it is never 0.
    With one seed it is that of the examples; with two seeds there is 1 degree of freedom.

    Raises `ValueError` for fewer than two examples.
    """
    seeds, examples = values.shape[-2:]
    if examples < 2:
        raise ValueError(f"{examples} examples: at least two are needed")
    of_seeds, mean = values.mean(-1), values.mean((-2, -1))
    by_example = seeds * values.mean(-2).var(-1, ddof=1)
    total, by_seed = by_example, np.zeros_like(mean)
    if seeds > 1:
        by_seed = examples * of_seeds.var(-1, ddof=1)
        squares = (values**2).sum((-2, -1)) - seeds * examples * mean**2
        rest = (squares - (seeds - 1) * by_seed - (examples - 1) * by_example) / ((seeds - 1) * (examples - 1))
        total = np.maximum(by_seed + np.maximum(by_example - np.maximum(rest, 0), 0), by_example)
    total = total + seeds / examples
    share = by_seed / total if seeds > 2 else np.ones_like(mean)
    df = (
        np.minimum((seeds - 1) / np.maximum(share, 1e-12), examples - 1)
        if seeds > 1
        else np.full_like(mean, examples - 1)
    )
    return mean, np.sqrt(total / (seeds * examples)), df


def tail(bound: Number, value: Number, error: Number, df: Number, step: Number) -> Floats:
    """One-sided p for a difference below ``bound``, from the fields of a `Difference`; broadcasts."""
    score = stats.norm.cdf((np.asarray(value) - bound) / np.sqrt(variance_at(bound, value, error, step)))
    return np.maximum(stats.t.cdf((np.asarray(value) - bound) / error, df), score)


def variance_at(bound: Number, value: Number, error: Number, step: Number) -> Floats:
    """Maximum-likelihood variance of the mean ``value`` if ``bound`` is the true difference; at least ``error**2``.

    Counts a and b of discordant examples are Poisson. If their true difference b - a is d, and n and v are their
    observed sum and difference, the maximum-likelihood estimate of a + b is (n + sqrt(n**2 + 4 d (d - v))) / 2.
    """
    observed = np.square(error)
    discriminant = np.square(observed) + 4 * np.square(step) * bound * (np.asarray(bound) - value)
    return np.maximum(observed, (observed + np.sqrt(np.maximum(discriminant, 0))) / 2)


def average(parts: Sequence[Difference]) -> Difference:
    """Unweighted mean of independent differences (of several corpora), with Satterthwaite's degrees of freedom.

    A part with one seed gets the pooled between-seed variance of the parts with several. ``examples`` is the fewest of
    any part, ``seeds`` the fewest of the parts with several, else 1.
    """
    if len(parts) == 1:
        return parts[0]
    several = [part for part in parts if part.seeds > 1]
    variances = [(part.error**2, part.df) for part in parts]
    if freedom := sum(part.seeds - 1 for part in several):
        between_seed_variance = sum((part.seeds - 1) * part.between_seed_variance for part in several) / freedom
        variances.append(((len(parts) - len(several)) * between_seed_variance, freedom))
    total = sum(variance for variance, _ in variances)
    return Difference(
        float(np.mean([part.value for part in parts])),
        float(np.sqrt(total)) / len(parts),
        float(total**2 / sum(variance**2 / df for variance, df in variances)),
        min(part.seeds for part in several or parts),
        min(part.examples for part in parts),
        step=float(np.mean([part.step for part in parts])) / len(parts),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test, of the numbers of examples that only one of two models got wrong."""
    discordant = only_first + only_second
    return float(stats.binomtest(only_first, discordant).pvalue) if discordant else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for multiple comparisons (Holm 1979), in the order given."""
    corrected, largest = [0.0] * len(values), 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = largest
    return corrected


def dispersion_difference(wide: Sequence[NDArray], narrow: Sequence[NDArray]) -> Difference | None:
    """Mean distance, in probits, of a run's error rate from the median of its cell: of ``wide`` less ``narrow`` cells.

    Each array [S, N] is true where a seed of one cell is wrong. The test is Levene's around medians (Brown and Forsythe
    1974) over all cells, without the smallest distance of each, which is structurally small (Hines and Hines 2000).

    On the probit scale a deviation between seeds is the same distance at every error rate, but sampling noise is larger
    where errors are few. In units of that noise (`scatter`) it is the reverse. p is the larger one of both scales, so
    that the error rate alone makes neither side significantly wider; it is 1 where the scales disagree about the sign.

    ``examples`` counts the distances. None where a side has fewer than two distances or none differ.
    """
    in_probits, in_noise = (_levene(wide, narrow, scale) for scale in (probit, scatter))
    if in_probits is None or in_noise is None:
        return None
    same_sign = in_probits.value * in_noise.value > 0
    return replace(in_probits, exact=max(in_probits.p(), in_noise.p()) if same_sign else 1.0)


def probit(wrong: NDArray) -> Floats:
    """[S] error rates of ``wrong`` [S, N] in probits; half an error is added to keep them finite."""
    return np.asarray(stats.norm.ppf((wrong.sum(-1) + 0.5) / (wrong.shape[-1] + 1)))


def scatter(wrong: NDArray) -> Floats:
    """[S] error rates of ``wrong`` [S, N], in standard errors due to the interaction of seeds and examples."""
    seeds, examples = wrong.shape
    values = np.asarray(wrong, dtype=np.float64)
    residuals = values - values.mean(-1, keepdims=True) - values.mean(0) + values.mean()
    variance = (residuals**2).sum() / (max(seeds - 1, 1) * (examples - 1)) + 1 / examples
    return np.asarray(values.mean(-1) / np.sqrt(variance / examples))


def _levene(
    wide: Sequence[NDArray], narrow: Sequence[NDArray], scale: Callable[[NDArray], Floats]
) -> Difference | None:
    sides = []
    for cells in (wide, narrow):
        values = [scale(cell) for cell in cells]
        distances = [np.sort(np.abs(cell - np.median(cell)))[1:] for cell in values]
        sides.append(np.concatenate(distances) if distances else np.empty(0))
    first, second = sides
    df = len(first) + len(second) - 2
    if min(len(first), len(second)) < 2:
        return None
    pooled = (len(first) * first.var() + len(second) * second.var()) / df
    if pooled == 0:
        return None
    error = float(np.sqrt(pooled * (1 / len(first) + 1 / len(second))))
    seeds = min(len(cell) for cell in [*wide, *narrow])
    return Difference(float(first.mean() - second.mean()), error, float(df), seeds, df + 2)
