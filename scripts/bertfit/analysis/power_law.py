"""Inverse power laws of the error on validation texts, ``c + a * n ** -b``, and how far they can be extrapolated.

The band comes from a bootstrap: errors are drawn anew, binomially and with the spread between trainings, and fitted
again. Real curves need not be power laws, so a drawn curve may also fall exponentially, ``c + a * exp(-d * n)``, where
that fits better: a band of power laws alone held the true error of such curves in 38 % of the cases.
Shapes: K sizes of the training set, N new sizes, S draws, G curves of given b or d.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

FEWEST = 3
"""sizes from which on a curve is fitted"""
EXPONENTS = np.geomspace(0.05, 2, 40)
RATES = np.geomspace(0.2, 6, 20)
"""d of exponential curves, for sizes as shares of the largest"""
DRAWS = 2000
SEED = 20190514
SPREAD = 0.05
"""standard deviation of the error between trainings, as a share of it, unless seeds tell"""
SEEDS_NEEDED = 4
"""degrees of freedom from which on seeds tell"""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorsBySize:
    """Errors at K sizes of the training set, each on the same validation texts."""

    sizes: Floats
    """(K,) training texts, ascending"""
    errors: Floats
    """(K,) shares of wrong predictions, means over the seeds"""
    seeds: NDArray[np.int64]
    """(K,)"""
    texts: int
    """validation texts"""
    spread: float = SPREAD
    """standard deviation between seeds as a share of the error (`spread_between_seeds`)"""

    @property
    def smoothed(self) -> Floats:
        """(K,) errors with half a wrong text more of one more: above 0, so that they have a variance."""
        return (self.errors * self.texts + 0.5) / (self.texts + 1)

    @property
    def variance(self) -> Floats:
        """(K,) of the errors: binomial, and between trainings."""
        share = self.smoothed
        return share * (1 - share) / self.texts + (self.spread * share) ** 2 / self.seeds


@dataclass(frozen=True)
class PowerLaw:
    """``c + a * n ** -b``: ``c`` is the error that no number of texts like these removes; a, b, c >= 0."""

    a: float
    b: float
    c: float
    misfit: float
    """mean weighted square of the residuals by degree of freedom, at least 1, at most for either form of curve"""

    def at(self, sizes: Floats) -> Floats:
        """Errors (shares) at sizes of the training set."""
        return self.c + self.a * np.asarray(sizes, np.float64) ** -self.b


@dataclass(frozen=True)
class Band:
    """(N,) 95 % bands at new sizes of the training set: of the error, and of its fall from the largest measured size.

    The fall is surer than the error, since a curve that is drawn too high or too low is so at both sizes.
    """

    low: Floats
    high: Floats
    fall_low: Floats
    fall_high: Floats


def spread_between_seeds(errors: list[Floats]) -> float:
    """Standard deviation between seeds as a share of the error, pooled over the sizes; `SPREAD` where few tell it.

    ``errors``: of each size the errors of its seeds.
    """
    freedom = sum(len(of_size) - 1 for of_size in errors)
    if freedom < SEEDS_NEEDED:
        return SPREAD
    squares = sum(float(((of_size - of_size.mean()) ** 2).sum() / max(of_size.mean(), 1e-9) ** 2) for of_size in errors)
    return max(sqrt(squares / freedom), SPREAD / 4)


def fit(measured: ErrorsBySize) -> PowerLaw:
    """The power law of least squares, weighted by the variances. Raises `ValueError` for fewer than `FEWEST` sizes."""
    if len(measured.sizes) < FEWEST:
        raise ValueError(f"{len(measured.sizes)} sizes, and at least {FEWEST} are needed")
    largest = measured.sizes[-1]
    exponents = np.geomspace(EXPONENTS[0], EXPONENTS[-1], 50 * len(EXPONENTS))
    powers = (measured.sizes / largest) ** -exponents[:, None]
    c, a, chosen, _ = _least_squares(powers, measured.smoothed[None], 1 / measured.variance)
    b = float(exponents[chosen[0]])
    return PowerLaw(float(a[0]) * largest**b, b, float(c[0]), _misfit(measured))


def band(measured: ErrorsBySize, sizes: Floats) -> Band:
    """The band at ``sizes`` (N,), the same every time; where no falling curve fits the errors, as much wider.

    Raises `ValueError` as `fit` does.
    """
    if len(measured.sizes) < FEWEST:
        raise ValueError(f"{len(measured.sizes)} sizes, and at least {FEWEST} are needed")
    largest = measured.sizes[-1]
    curves, new = (_curves(np.asarray(each, np.float64) / largest) for each in (measured.sizes, sizes))
    generator, wider = np.random.default_rng(SEED), sqrt(_misfit(measured))
    share, shape = measured.smoothed, (DRAWS, len(measured.sizes))
    truth = share * (1 + wider * measured.spread / np.sqrt(measured.seeds) * generator.standard_normal(shape))
    truth = np.clip(truth, 0, 1)
    drawn = generator.binomial(measured.texts, truth) / measured.texts
    drawn = (np.clip(truth + wider * (drawn - truth), 0, 1) * measured.texts + 0.5) / (measured.texts + 1)
    c, a, chosen, _ = _least_squares(curves, drawn, 1 / measured.variance)
    errors = np.clip(c[:, None] + a[:, None] * new[chosen], 0, 1)
    falls = np.clip(c + a, 0, 1)[:, None] - errors
    return Band(*(bound for draws in (errors, falls) for bound in np.quantile(draws, (0.025, 0.975), axis=0)))


def _misfit(measured: ErrorsBySize) -> float:
    curves = _curves(measured.sizes / measured.sizes[-1])
    *_, loss = _least_squares(curves, measured.smoothed[None], 1 / measured.variance)
    return max(1.0, float(loss[0]) / max(1, len(measured.sizes) - 3))


def _curves(shares: Floats) -> Floats:
    """(G, K) powers and exponentials of sizes as shares of the largest measured one; both are 1 there."""
    return np.concatenate([shares ** -EXPONENTS[:, None], np.exp(-RATES[:, None] * (shares - 1))])


def _least_squares(curves: Floats, errors: Floats, weights: Floats) -> tuple[Floats, Floats, NDArray[np.int64], Floats]:
    """Of S errors (S, K): c, a >= 0, number of the best of the ``curves`` (G, K), its loss; (S,) each."""
    total, cross, square = weights.sum(), curves @ weights, curves**2 @ weights  # (), (G,), (G,)
    error, product = (errors @ weights)[:, None], (errors * weights) @ curves.T  # (S, 1), (S, G)
    a = (total * product - cross * error) / (total * square - cross**2)
    c = (error - cross * a) / total
    a, c = np.where(a < 0, 0, a), np.where(a < 0, error / total, c)
    a, c = np.where(c < 0, product / square, a), np.where(c < 0, 0, c)
    loss = (
        (errors**2 @ weights)[:, None]
        - 2 * (c * error + a * product)
        + c**2 * total
        + 2 * a * c * cross
        + a**2 * square
    )
    chosen = loss.argmin(axis=1)
    rows = np.arange(len(errors))
    return c[rows, chosen], a[rows, chosen], chosen, loss[rows, chosen]
