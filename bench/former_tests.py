"""Tests that the verdicts once used, for comparison: they reject true null hypotheses too often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bertfit.statistics import paired_tests
from bertfit.statistics.difference import Difference


def average(parts: Sequence[Difference], between_seeds: Sequence[float]) -> Difference:
    """Mean of several corpora in which those with one seed take the variance between seeds of the others.

    ``between_seeds``: variance of a seed's difference in each part, 0 for one seed.
    """
    several = [at for at, part in enumerate(parts) if part.seeds > 1]
    freedom = sum(parts[at].seeds - 1 for at in several)
    mean = paired_tests.average(parts)
    if len(several) == len(parts) or not freedom:
        return mean
    pooled = sum((parts[at].seeds - 1) * between_seeds[at] for at in several) / freedom
    variances = [(part.error**2, part.df) for part in parts] + [((len(parts) - len(several)) * pooled, freedom)]
    total = sum(variance for variance, _ in variances)
    df = total**2 / sum(variance**2 / df for variance, df in variances)
    return replace(mean, error=float(np.sqrt(total)) / len(parts), df=float(df))


def wider_spread(wide: Sequence[NDArray[np.bool_]], narrow: Sequence[NDArray[np.bool_]]) -> float:
    """p of Levene's test around medians of the errors [S, N] of the cells of two sides.

    The larger one of two scales, probits and standard errors of the interaction; 1 where they disagree about the sign.
    """
    found = [_levene(wide, narrow, scale) for scale in (_probit, _scatter)]
    return 1.0 if found[0][0] * found[1][0] <= 0 else max(p for _, p in found)


def _levene(
    wide: Sequence[NDArray[np.bool_]], narrow: Sequence[NDArray[np.bool_]], scale: Callable[[NDArray], NDArray]
) -> tuple[float, float]:
    """Difference of the mean distances from the median of a cell, without the smallest of each, and its p."""
    sides = []
    for cells in (wide, narrow):
        values = [scale(cell) for cell in cells]
        sides.append(np.concatenate([np.sort(np.abs(cell - np.median(cell)))[1:] for cell in values]))
    return float(sides[0].mean() - sides[1].mean()), float(stats.ttest_ind(*sides).pvalue)


def _probit(wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(stats.norm.ppf((wrong.sum(-1) + 0.5) / (wrong.shape[-1] + 1)))


def _scatter(wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    seeds, examples = wrong.shape
    values = wrong.astype(np.float64)
    residuals = values - values.mean(-1, keepdims=True) - values.mean(0) + values.mean()
    variance = (residuals**2).sum() / ((seeds - 1) * (examples - 1)) + 1 / examples
    return np.asarray(values.mean(-1) / np.sqrt(variance / examples))
