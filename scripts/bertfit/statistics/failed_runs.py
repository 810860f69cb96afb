"""Runs whose training failed: which they are, and whether one side has more of them.

Means of errors that are either low or at chance are no basis for a t test, and failures that did not happen to occur
among few seeds cannot be seen; their share can be tested.

Shapes: S seeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bertfit.statistics.difference import Difference

CHANCE_SHARE = 0.8
"""smallest share of the error of predicting the most frequent class that counts as having learnt nothing"""


def chance(labels: NDArray) -> float:
    """Error, as a share, of always predicting the most frequent class of ``labels`` [N]."""
    return 1 - float(np.bincount(labels).max()) / len(labels)


def failed(errors: NDArray, chance_error: float) -> NDArray[np.bool_]:
    """[S] which runs of a cell failed, from their error rates [S] and that of predicting the most frequent class.

    A run failed if its error is nearer to chance than to the best run of its cell; all failed if the best one has at
    least `CHANCE_SHARE` of the error of chance.
    """
    errors = np.asarray(errors, dtype=np.float64)
    if chance_error <= 0:  # a test set of one class
        return np.zeros(errors.shape, dtype=np.bool_)
    best = float(errors.min())
    bound = best if best >= CHANCE_SHARE * chance_error else (best + chance_error) / 2
    return errors >= bound


def share_difference(first: tuple[int, int], second: tuple[int, int], seeds: int) -> Difference | None:
    """Share of failed runs of the first side less that of the second, each as (failed, all); p is Fisher's exact one.

    The standard error adds one failed and one other run to each side (Agresti and Caffo 2000). ``seeds`` is passed on;
    ``examples`` counts the runs. None where a side has no runs.
    """
    if not first[1] or not second[1]:
        return None
    shares = [count / runs for count, runs in (first, second)]
    adjusted = [((count + 1) / (runs + 2), runs + 2) for count, runs in (first, second)]
    error = float(np.sqrt(sum(share * (1 - share) / runs for share, runs in adjusted)))
    table = [[count, runs - count] for count, runs in (first, second)]
    exact = float(stats.fisher_exact(table).pvalue)
    return Difference(shares[0] - shares[1], error, 1e6, seeds, first[1] + second[1], exact)
