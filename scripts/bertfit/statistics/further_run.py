"""Where the error of one more run is to be expected: the interval in which a published number counts as reproduced.

Ours and the published error are on the same test set, so that test examples are no source of their difference. The
published one is then one more run of the same strategy, with a seed of its own.

Shapes: S seeds.
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second to import

from bertfit.statistics.significance import LEVEL


def prediction_interval(errors: NDArray, examples: int, failures: int = 0) -> tuple[float, float] | None:
    """95 % prediction interval of one more run's error, in the unit of ``errors`` [S], which are shares of 1.

    The mean ± t(0.975, S - 1) s sqrt(1 + 1 / S), where s is the standard deviation over seeds: exact for normal errors.
    Errors are multiples of one in ``examples``, and few seeds often agree; s is at least the standard deviation of a
    value rounded to such multiples.

    None with one seed, whose spread is unknown, and with failed runs, whose errors are either low or at chance.
    """
    seeds = len(errors)
    if seeds < 2 or failures:
        return None
    spread = max(float(np.std(errors, ddof=1)), 1 / (examples * sqrt(12)))
    half = _t(seeds - 1) * spread * sqrt(1 + 1 / seeds)
    mean = float(np.mean(errors))
    return mean - half, mean + half


@cache
def _t(df: int) -> float:
    """The quantile of a two-sided 95 % interval."""
    return float(special.stdtrit(df, 1 - LEVEL / 2))
