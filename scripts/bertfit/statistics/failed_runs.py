"""Runs whose training failed: which they are, and whether one side has more of them.

Means of errors that are either low or at chance are no basis for a t test, and failures that did not happen to occur
among few seeds cannot be seen; their share can be tested.

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bertfit.statistics.difference import Difference

CHANCE_SHARE = 0.8
"""smallest share of the error of predicting the most frequent class that counts as having learnt nothing"""


def chance(labels: NDArray) -> float:
    """Error, as a share, of always predicting the most frequent class of ``labels`` [N]."""
    return 1 - float(np.bincount(labels).max()) / len(labels)


def failed(wrong: NDArray, labels: NDArray) -> NDArray[np.bool_]:
    """[S] which runs of a cell failed, from their wrong predictions [S, N] and the ``labels`` [N].

    A run failed if its error is `near_chance`, and so is the mean of its errors on each class, of which a prediction
    that ignores the text has 1 - 1 / C for C classes. With one class in 30 the best classifier there is may have nearly
    the error of always predicting the other; it differs from that in the second. Equal if classes have equal sizes.
    """
    wrong, labels = np.asarray(wrong), np.asarray(labels)
    classes = np.unique(labels)
    of_classes = np.mean([wrong[:, labels == label].mean(-1) for label in classes], axis=0)
    return near_chance(wrong.mean(-1), chance(labels)) & near_chance(of_classes, 1 - 1 / len(classes))


def near_chance(errors: NDArray, chance_error: float) -> NDArray[np.bool_]:
    """[S] which error rates [S] of a cell's runs are nearer to ``chance_error`` than to the lowest of them.

    All are, if the lowest is at least `CHANCE_SHARE` of it.
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
    from scipy import stats  # takes a second to import

    if not first[1] or not second[1]:
        return None
    shares = [count / runs for count, runs in (first, second)]
    adjusted = [((count + 1) / (runs + 2), runs + 2) for count, runs in (first, second)]
    error = float(np.sqrt(sum(share * (1 - share) / runs for share, runs in adjusted)))
    table = [[count, runs - count] for count, runs in (first, second)]
    exact = float(stats.fisher_exact(table).pvalue)
    runs = first[1] + second[1]
    return Difference(shares[0] - shares[1], error, 1e6, seeds, runs, exact, seed_variance=error**2)
