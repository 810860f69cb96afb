"""Paired comparison of strategies over seeds and test examples; Holm's correction; equality within a margin.

Errors depend on two things drawn at random, crossed with each other: seeds and test examples. Their variance
components come from a two-way analysis of variance of the S x N matrix of differences, as readers and cases in
multi-reader studies (Hillis 2007); neither a test over seeds alone nor one over examples alone holds its level. Two
caveats became part of the formula after simulation (bench/calibration.py): the variance is never less than that of the
examples alone, and its degrees of freedom grow with the examples' share linearly, not with its square.

A third is that of bounds. If the truth were a difference of ``bound``, at least that share of the examples would tell
the two sides apart. Where next to nothing differs, what was seen says too little of the variance: a bound is excluded
only if it is so, too, with the variance that is likeliest under it (a score test, as Tango's of 1998).

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
    """what one example more that tells the two sides apart adds to the mean; 0 where there are no such examples"""
    between_seed_variance: float = 0.0
    """variance between seeds, of the mean difference of one of them; 0 for one seed"""

    def interval(self, level: float = 1 - LEVEL) -> tuple[float, float]:
        """Interval of the difference at a two-sided level: where `above` and `below` come to it."""
        low, high = (sign * self._end(sign, level) for sign in (-1, 1))
        return low, high

    def p(self) -> float:
        """Two-sided p of no difference."""
        return self.exact if self.exact is not None else min(self.below(0.0), self.above(0.0))

    def below(self, bound: float) -> float:
        """p for "it is below ``bound``": twice the one-sided p, so that 0.05 is where the 95 % interval ends."""
        return min(1.0, 2 * float(tail(bound, self.value, self.error, self.df, self.step)))

    def above(self, bound: float) -> float:
        """p for "it is above ``bound``", likewise."""
        return min(1.0, 2 * float(tail(-bound, -self.value, self.error, self.df, self.step)))

    def within(self, margin: float) -> float:
        """p for "it lies within -margin and +margin": two one-sided tests; 0.05 where the 95 % interval lies inside."""
        return max(self.below(margin), self.above(-margin))

    def outside(self, margin: float) -> float:
        """p for "it is farther from 0 than the margin"."""
        return min(self.below(-margin), self.above(margin))

    def _end(self, sign: int, level: float) -> float:
        """The largest bound above the value, or with the other sign below, that is not excluded."""
        value, quantile = sign * self.value, float(stats.norm.ppf((1 + level) / 2))
        plain = value + float(stats.t.ppf((1 + level) / 2, self.df)) * self.error
        if not self.step:
            return plain
        counted, likely = value / self.step, (self.error / self.step) ** 2
        # (bound - value)**2 = quantile**2 * `variance_at`, as a cubic equation in bound - value
        roots = np.roots([1.0, 0.0, -(quantile**2) * (likely + quantile**2), -(quantile**4) * counted])
        return max(plain, *(value + float(root.real) * self.step for root in roots if abs(root.imag) < 1e-9))

    def detectable(self, power: float = 0.8) -> float:
        """The smallest difference that the test would find with this power, given the observed disagreement."""
        return float(stats.t.ppf(1 - LEVEL / 2, self.df) + stats.t.ppf(power, self.df)) * self.error


def difference(values: NDArray) -> Difference:
    """Mean of ``values`` [S, N], paired differences in error of each seed and example (-1, 0, 1), with its error.

    With one seed, p is McNemar's exact one where values are -1, 0 and 1: a statement on two trained models, not on two
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


def two_way(values: NDArray) -> tuple[Floats, Floats, Floats]:
    """Mean of ``values`` [..., S, N], its standard error and degrees of freedom, by analysis of variance.

    To the variance 1 / N**2 is added, one discordant example (after Agresti and Min 2005), so that it is never 0. With
    one seed it is the variance of the examples. With two seeds the degrees of freedom are 1.

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
    """One-sided p for "it is below ``bound``", of the fields of a `Difference`. Broadcasts."""
    score = stats.norm.cdf((np.asarray(value) - bound) / np.sqrt(variance_at(bound, value, error, step)))
    return np.maximum(stats.t.cdf((np.asarray(value) - bound) / error, df), score)


def variance_at(bound: Number, value: Number, error: Number, step: Number) -> Floats:
    """Variance of the mean ``value`` where it is likeliest if ``bound`` is the truth; never less than ``error**2``.

    Counts a and b of examples won and lost, Poisson, with b - a = d given, are likeliest where a + b comes to
    (n + sqrt(n**2 + 4 d (d - v))) / 2, if n and v are their sum and difference as they were seen.
    """
    seen = np.square(error)
    under = np.square(seen) + 4 * np.square(step) * bound * (np.asarray(bound) - value)
    return np.maximum(seen, (seen + np.sqrt(np.maximum(under, 0))) / 2)


def average(parts: Sequence[Difference]) -> Difference:
    """Mean of independent differences (of several corpora), each counting the same; Satterthwaite's degrees of freedom.

    A part of one seed says nothing of seeds: it takes the variance between them that the parts with more of them show
    together. ``seeds`` and ``examples`` are the fewest of any part, of seeds among those with more than one; where no
    part has more, the whole has one seed.
    """
    if len(parts) == 1:
        return parts[0]
    more = [part for part in parts if part.seeds > 1]
    shares = [(part.error**2, part.df) for part in parts]
    if freedom := sum(part.seeds - 1 for part in more):
        between_seed_variance = sum((part.seeds - 1) * part.between_seed_variance for part in more) / freedom
        shares.append(((len(parts) - len(more)) * between_seed_variance, freedom))
    total = sum(variance for variance, _ in shares)
    return Difference(
        float(np.mean([part.value for part in parts])),
        float(np.sqrt(total)) / len(parts),
        float(total**2 / sum(variance**2 / df for variance, df in shares)),
        min(part.seeds for part in more or parts),
        min(part.examples for part in parts),
        step=float(np.mean([part.step for part in parts])) / len(parts),
    )


def mcnemar(one: int, other: int) -> float:
    """Exact two-sided p of McNemar's test: examples that only one model, and only the other, got wrong."""
    return float(stats.binomtest(one, one + other).pvalue) if one + other else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979), in the order given."""
    corrected, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest
    return corrected


def spread(wide: Sequence[NDArray], narrow: Sequence[NDArray]) -> Difference | None:
    """How much farther runs of one side lie from the median of their own cell than those of the other side.

    Each array [S, N] says what the seeds of one cell got wrong. Distances are on the probit scale, on which the same
    deviation of a seed is the same distance at every error rate. The test is Levene's around medians (Brown and
    Forsythe 1974), of the cells together, without the distance of each cell that is the smallest by construction (Hines
    and Hines 2000). On that scale few errors scatter more by chance, so p is the larger one of this scale and of errors
    in units of that scatter, in which the deviation between seeds, but not chance, is wider where there are more
    errors: what the level alone makes wide on the one is not wide on the other.

    ``examples`` counts the distances. None where a side has fewer than two distances or none differ.
    """
    of_luck, of_chance = (_levene(wide, narrow, scale) for scale in (probit, scatter))
    if of_luck is None or of_chance is None:
        return None
    same = of_luck.value * of_chance.value > 0
    return replace(of_luck, exact=max(of_luck.p(), of_chance.p()) if same else 1.0)


def probit(wrong: NDArray) -> Floats:
    """[S] error rates of ``wrong`` [S, N] as quantiles of a normal distribution; half an error keeps them finite."""
    return np.asarray(stats.norm.ppf((wrong.sum(-1) + 0.5) / (wrong.shape[-1] + 1)))


def scatter(wrong: NDArray) -> Floats:
    """[S] error rates of ``wrong`` [S, N] in standard errors of what a seed does to single examples by chance."""
    seeds, examples = wrong.shape
    values = np.asarray(wrong, dtype=np.float64)
    rest = values - values.mean(-1, keepdims=True) - values.mean(0) + values.mean()
    variance = (rest**2).sum() / (max(seeds - 1, 1) * (examples - 1)) + 1 / examples
    return np.asarray(values.mean(-1) / np.sqrt(variance / examples))


def _levene(
    wide: Sequence[NDArray], narrow: Sequence[NDArray], scale: Callable[[NDArray], Floats]
) -> Difference | None:
    sides = []
    for cells in (wide, narrow):
        values = [scale(cell) for cell in cells]
        distances = [np.sort(np.abs(each - np.median(each)))[1:] for each in values]
        sides.append(np.concatenate(distances) if distances else np.empty(0))
    one, other = sides
    df = len(one) + len(other) - 2
    if min(len(one), len(other)) < 2:
        return None
    pooled = (len(one) * one.var() + len(other) * other.var()) / df
    if pooled == 0:
        return None
    error = float(np.sqrt(pooled * (1 / len(one) + 1 / len(other))))
    seeds = min(len(cell) for cell in [*wide, *narrow])
    return Difference(float(one.mean() - other.mean()), error, float(df), seeds, df + 2)
