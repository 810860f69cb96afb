"""Paired tests of strategies over seeds and test examples, and Holm's correction.

Seeds and test examples are crossed random effects. Their variance components come from a two-way analysis of variance
of the S x N matrix of differences, as for readers and cases in multi-reader studies (Hillis 2007); tests over seeds
alone or over examples alone do not keep their level. Simulation (bench/calibration.py) led to three corrections: the
variance is at least that of the examples alone; the degrees of freedom grow linearly with the examples' share of it,
not with its square; and the variance between seeds is taken at the error rate that both sides share if they do not
differ (`at_common_error`).

Shapes: S seeds, N test examples, K clusters of them. Errors and differences are shares, not percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertfit.statistics.cluster_values import Clusters
from bertfit.statistics.difference import Difference, Floats, Number


class TwoWay(NamedTuple):
    """A mean, its standard error, its degrees of freedom, and the parts of its variance, each [...]."""

    mean: Floats
    error: Floats
    df: Floats
    seed_variance: Floats
    """part that more seeds reduce"""
    noise_variance: Floats
    """part of it that more examples reduce, too: the interaction of both"""
    example_variance: Floats
    """part that only more examples reduce"""


class MeanSquares(NamedTuple):
    """Mean squares of a two-way analysis of variance, each [...]; those of seeds and the rest are 0 for one seed."""

    seeds: Floats
    units: Floats
    rest: Floats


def difference(values: NDArray, clusters: Clusters | None = None, inflation: float = 1.0) -> Difference:
    """Mean of ``values`` [S, N], paired differences in error of each seed and example, with its standard error.

    ``clusters`` of the examples; without, each is alone. ``inflation`` of the variance between seeds:
    `at_common_error`. With one seed, values of -1, 0 and 1 and no clusters, p is McNemar's exact one: it compares two
    trained models, not two strategies. Raises `ValueError` for fewer than two examples or clusters.
    """
    values = np.asarray(values, dtype=np.float64)
    seeds, examples = values.shape
    clusters = clusters or Clusters.alone(examples)
    found = two_way(values, clusters, inflation)
    exact = None
    if seeds == 1 and clusters.trivial and np.isin(values, (-1, 0, 1)).all():
        exact = mcnemar(int((values > 0).sum()), int((values < 0).sum()))
    step = float(clusters.jump(values)) / examples
    mean, error, df, *parts = (float(number) for number in found)
    return Difference(mean, error, df, seeds, examples, exact, step, *parts)


def two_way(values: NDArray, clusters: Clusters | None = None, inflation: Number = 1.0) -> TwoWay:
    """Mean of ``values`` [..., S, N], its standard error and degrees of freedom, by two-way analysis of variance.

    The observations are the seeds and the ``clusters`` of examples. The variance is increased by 1 / N**2, one
    discordant example, or of clusters by the square of their `Clusters.jump` over N (after Agresti and Min 2005), so
    that it is never 0. With one seed it is that of the examples; with two seeds there is 1 degree of freedom.

    Raises `ValueError` for fewer than two examples or clusters.
    """
    clusters = clusters or Clusters.alone(values.shape[-1])
    observed = clusters.linearised(values)
    seeds, units = observed.shape[-2:]
    of_seeds, mean = observed.mean(-1), observed.mean((-2, -1))
    by_unit = seeds * observed.mean(-2).var(-1, ddof=1)
    by_seed, rest = np.zeros_like(mean), np.zeros_like(mean)
    if seeds > 1:
        by_seed = units * of_seeds.var(-1, ddof=1)
        around = ((observed - mean[..., None, None]) ** 2).sum((-2, -1))
        rest = (around - (seeds - 1) * by_seed - (units - 1) * by_unit) / ((seeds - 1) * (units - 1))
    found = MeanSquares(by_seed * inflation, by_unit, rest)
    return of_mean_squares(mean, found, (seeds, units), clusters.jump(values) / clusters.examples, clusters.df)


def of_mean_squares(mean: Floats, found: MeanSquares, shape: tuple[int, int], jump: Number, df: float) -> TwoWay:
    """The same from the mean squares of S seeds and K units, ``shape``.

    ``jump``: change of the mean by one more discordant unit; ``df``: degrees of freedom of the variance between units.
    """
    seeds, units = shape
    by_seed, by_unit, rest = found
    total, noise, of_units = by_unit, np.zeros_like(mean), by_unit
    if seeds > 1:
        noise = np.clip(rest, 0, by_seed)
        of_units = np.maximum(by_unit - np.maximum(rest, 0), 0)
        total = np.maximum(by_seed + of_units, by_unit)
    total = total + seeds * units * np.square(jump)
    share = by_seed / total if seeds > 2 else np.ones_like(mean)
    freedom = np.full_like(mean, df)
    if seeds > 1:
        freedom = np.minimum((seeds - 1) / np.maximum(share, 1e-12), df)
    parts = (by_seed, noise, of_units)
    return TwoWay(mean, np.sqrt(total / (seeds * units)), freedom, *(part / (seeds * units) for part in parts))


def at_common_error(first: NDArray, second: NDArray, examples: int) -> Floats:
    """[...] factor of the variance between seeds of a difference, from the error rates [..., S] of both sides' seeds.

    On the probit scale seeds vary alike at any error rate; their errors then vary in proportion to about p (1 - p). A
    side whose seeds happened to do well thus looks more stable than it is, and if its seeds vary more than those of the
    other, the unstable side is found better too often. Under the null hypothesis both sides have one error rate; it is
    estimated by their mean, weighted by precision, and the variance of a side that is below it is raised to it.
    """
    half = 0.5 / examples
    rates = [np.asarray(side, dtype=np.float64) for side in (first, second)]
    if rates[0].shape[-1] < 2:
        return np.ones(rates[0].shape[:-1])
    means = [side.mean(-1) for side in rates]
    variances = [side.var(-1, ddof=1) + (2 * half) ** 2 for side in rates]
    common = (means[0] / variances[0] + means[1] / variances[1]) / (1 / variances[0] + 1 / variances[1])

    def spread(rate: Floats) -> Floats:
        return (rate + half) * (1 - rate + half)

    raised = [
        variance * np.maximum(1.0, spread(common) / spread(mean)) ** 2
        for mean, variance in zip(means, variances, strict=True)
    ]
    return np.asarray((raised[0] + raised[1]) / (variances[0] + variances[1]))


def average(parts: Sequence[Difference]) -> Difference:
    """Unweighted mean of independent differences (of several corpora), with Satterthwaite's degrees of freedom.

    A part with one seed adds the variance of its examples alone: the mean then is that of its trained model, and
    ``seeds`` is 1 (see `tolerated_spread`). ``seeds`` and ``examples`` are the fewest of any part.
    """
    if len(parts) == 1:
        return parts[0]
    count = len(parts)
    total = sum(part.error**2 for part in parts)
    return Difference(
        float(np.mean([part.value for part in parts])),
        float(np.sqrt(total)) / count,
        float(total**2 / sum(part.error**4 / part.df for part in parts)),
        min(part.seeds for part in parts),
        min(part.examples for part in parts),
        step=float(np.mean([part.step for part in parts])) / count,
        seed_variance=sum(part.seed_variance for part in parts) / count**2,
        noise_variance=sum(part.noise_variance for part in parts) / count**2,
        example_variance=sum(part.example_variance for part in parts) / count**2,
    )


def of_seeds(values: NDArray) -> Difference | None:
    """Mean of ``values`` [S], a number for each seed, by a t test; None for one seed, which says nothing of others."""
    values = np.asarray(values, dtype=np.float64)
    seeds = len(values)
    if seeds < 2:
        return None
    variance = float(values.var(ddof=1)) / seeds
    error = max(float(np.sqrt(variance)), 1e-6)  # equal values: not 0, which would make p undefined
    return Difference(float(values.mean()), error, seeds - 1, seeds, 0, seed_variance=variance)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test, of the numbers of examples that only one of two models got wrong."""
    from scipy import stats  # takes a second to import

    discordant = only_first + only_second
    return float(stats.binomtest(only_first, discordant).pvalue) if discordant else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for multiple comparisons (Holm 1979), in the order given."""
    corrected, largest = [0.0] * len(values), 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        corrected[index] = largest
    return corrected
