"""Values of test examples as values of clusters: examples that share their fate count as one observation.

Clusters are texts of one author, product or thread, or near-duplicates (`find_clusters`). The mean over examples is the
ratio of two sums over clusters, of their values and of their sizes; its variance is that of the mean of linearised
values, one for each cluster (Cochran 1977, section 6.3), here divided by 1 less the cluster's share of the examples, as
a jackknife does. Where every example is alone, values stay as they are.

Shapes: S seeds, N test examples, K clusters.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second to import

from bertfit.clusters.cluster_file import read_clusters
from bertfit.core.errors import UserError
from bertfit.statistics.significance import LEVEL

Floats = NDArray[np.float64]


class Clusters:
    """The clusters of a test set.

    ``numbers``: [N], from 0. Raises `ValueError` for fewer than two clusters: nothing then tells how far means vary.
    """

    def __init__(self, numbers: NDArray[np.integer]) -> None:
        numbers = np.asarray(numbers)
        self.numbers = numbers
        self.sizes = np.bincount(numbers)
        """[K]"""
        if len(self.sizes) < 2:
            raise ValueError(f"{len(self.sizes)} examples or clusters of examples: at least two are needed")
        self.order = np.argsort(numbers, kind="stable")
        self.starts = np.cumsum(self.sizes) - self.sizes
        squares = self.sizes.astype(np.float64) ** 2
        self.effective = float(len(numbers) ** 2 / squares.sum())
        """number of clusters of equal size that would determine the mean as well, if each is of one mind"""
        self.df = max(1.0, float(squares.sum() ** 2 / (squares**2).sum()) - 1)
        """degrees of freedom of the variance between clusters (Satterthwaite)"""

    @classmethod
    def alone(cls, examples: int) -> Clusters:
        """Each example for itself."""
        return cls(np.arange(examples))

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def examples(self) -> int:
        """N."""
        return len(self.numbers)

    @property
    def trivial(self) -> bool:
        """Whether every example is alone."""
        return len(self) == self.examples

    def sums(self, values: NDArray) -> Floats:
        """[..., K] sums of ``values`` [..., N]."""
        return np.add.reduceat(np.asarray(values, dtype=np.float64)[..., self.order], self.starts, axis=-1)

    def linearised(self, values: NDArray) -> Floats:
        """[..., K] values of the clusters, whose mean varies as that of ``values`` [..., N] does."""
        values = np.asarray(values, dtype=np.float64)
        if self.trivial:
            return values
        mean = values.mean(-1, keepdims=True)
        residuals = (self.sums(values) - mean * self.sizes) / (1 - self.sizes / self.examples)
        residuals *= len(self) / self.examples
        return mean + residuals - residuals.mean(-1, keepdims=True)

    def jump(self, values: NDArray) -> Floats:
        """[...] typical sum of a cluster of ``values`` [..., S, N] that is not 0, weighted by its size; at least 1.

        1 if every example is alone and its values are -1, 0 and 1. Where all are 0, the size of a cluster.
        """
        sums = np.abs(self.sums(values))
        total = sums.sum((-2, -1))
        size = np.divide((sums**2).sum((-2, -1)), total, out=np.zeros_like(total), where=total > 0)
        return np.maximum(np.where(total > 0, size, self.examples / self.effective), 1.0)

    def effective_examples(self, wrong: NDArray) -> float:
        """Number of independent examples with whose help the error of ``wrong`` [S, N] would be known as well.

        N divided by the design effect (Kish 1965): the variance of the mean over seeds between clusters, over that
        between examples. As that variance is estimated from few clusters, the number is reduced by the ratio of the
        normal to the t distribution's bounds, squared (Korn and Graubard 1998). Never more than N; the effective number
        of clusters where no example differs from another.
        """
        if self.trivial:
            return float(self.examples)
        each = np.atleast_2d(wrong).mean(0, dtype=np.float64)
        independent = each.var(ddof=1) / self.examples
        clustered = self.linearised(each).var(ddof=1) / len(self)
        certainty = float(special.ndtri(1 - LEVEL / 2) / special.stdtrit(self.df, 1 - LEVEL / 2)) ** 2
        if independent <= 0:
            return certainty * self.effective
        return certainty * float(self.examples / max(1.0, clustered / independent))


def read(paths: Iterable[Path]) -> dict[str, Clusters]:
    """Corpus -> the clusters of its test examples, from files ``<corpus>/clusters.parquet``.

    A corpus with fewer than two test examples is left out. Raises `UserError` for an unreadable file, and where all
    test examples are one cluster.
    """
    found: dict[str, Clusters] = {}
    for path in paths:
        numbers = read_clusters(path)
        if len(numbers) < 2:
            continue
        if not numbers.any():
            raise UserError(
                f"{path}: all {len(numbers)} test examples are of one group or near-duplicates, so that nothing tells "
                f"how far errors vary; test on texts of several groups"
            )
        found[path.parent.name] = Clusters(numbers)
    return found


def check_clusters(clusters: Clusters | None, examples: int, corpus: str) -> None:
    """Raise `UserError` unless the clusters are those of so many test examples."""
    if clusters and clusters.examples != examples:
        raise UserError(
            f"corpus {corpus}: clusters of {clusters.examples} test examples, predictions of {examples}; "
            "run the trainings again"
        )
