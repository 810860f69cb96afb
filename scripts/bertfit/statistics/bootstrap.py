"""Multi-Bootstrap (Sellam et al. 2022): seeds and test examples are resampled together, with replacement.

Examples with the same pattern of predictions over the seeds are interchangeable, so one multinomial draw of the counts
of the patterns has the distribution of drawing examples one by one. The random numbers depend on the data alone.

Shapes: S seeds, N test examples, C classes, K distinct patterns, R resamples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bertfit.statistics.cluster_values import Clusters

RESAMPLES = 2000
Floats = NDArray[np.float64]
Metric = Callable[[NDArray], Floats]


def means(values: NDArray, resamples: int = RESAMPLES) -> Floats:
    """[R] means of ``values`` [S, N] (errors, or differences of errors) over resampled seeds and examples.

    To resample clusters of examples, pass their values (`Clusters.linearised`), [S, K].
    """
    seeds, examples = values.shape
    random = generator(values)
    patterns, counts = np.unique(values, axis=1, return_counts=True)
    drawn = random.multinomial(examples, counts / examples, size=resamples)
    return np.einsum("rs,rs->r", _seed_weights(random, seeds, resamples), drawn @ patterns.T / examples)


def metric(
    predicted: NDArray,
    labels: NDArray,
    classes: int,
    measure: Metric,
    resamples: int = RESAMPLES,
    clusters: Clusters | None = None,
) -> tuple[Floats, Floats]:
    """Resampled means over seeds of a metric of confusion matrices: [R] with seeds and examples resampled, and [R] with
    examples alone.

    ``predicted`` [S, N] and ``labels`` [N] are class numbers; ``measure`` maps counts [..., C, C] to values [...].
    Whole ``clusters`` of examples are drawn, where they are given.
    """
    seeds, examples = predicted.shape
    random = generator(np.vstack([labels, predicted]))
    if clusters is None or clusters.trivial:
        patterns, counts = np.unique(np.vstack([labels, predicted]), axis=1, return_counts=True)
        drawn = random.multinomial(examples, counts / examples, size=resamples)
    else:
        patterns = np.vstack([labels, predicted])
        drawn = random.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)), size=resamples)
        drawn = drawn[:, clusters.numbers]
    resampled = np.empty((resamples, seeds))
    for seed in range(seeds):
        cell = patterns[0] * classes + patterns[1 + seed]  # [K] entry of the flattened confusion matrix
        entry_of_pattern = sparse.csr_array(
            (np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(classes * classes, len(cell))
        )
        resampled[:, seed] = measure((entry_of_pattern @ drawn.T).T.reshape(resamples, classes, classes))
    return np.einsum("rs,rs->r", _seed_weights(random, seeds, resamples), resampled), resampled.mean(axis=1)


def rows(clusters: Clusters, seed: int, resamples: int = RESAMPLES) -> Iterator[NDArray[np.int64]]:
    """Numbers of the examples of each resample, for a statistic of any kind; whole ``clusters`` are drawn."""
    random, size = np.random.default_rng(seed), len(clusters)
    for _ in range(resamples):
        times = np.bincount(random.integers(0, size, size), minlength=size)
        yield np.repeat(np.arange(clusters.examples), times[clusters.numbers])


def variance(values: NDArray) -> Floats:
    """Exact variance [...] of `means` of ``values`` [..., S, N], in the limit of infinitely many resamples.

    Counts a and b of two seeds in a multinomial draw have E[a b] = 1 - 1/S, and E[a a] = 2 - 1/S; examples as well.
    """
    seeds, examples = values.shape[-2:]
    squares, total = (values**2).sum((-2, -1)), values.sum((-2, -1)) ** 2
    rows, columns = ((values.sum(axis) ** 2).sum(-1) for axis in (-1, -2))
    keep_seeds, keep_examples = 1 - 1 / seeds, 1 - 1 / examples
    second = keep_seeds * keep_examples * total + keep_examples * rows + keep_seeds * columns + squares
    return (second - total) / (seeds * examples) ** 2


def generator(values: NDArray) -> np.random.Generator:
    """A random generator seeded by the content and shape of ``values``."""
    content = np.ascontiguousarray(values, dtype=np.float64)
    digest = hashlib.sha256(repr(content.shape).encode() + content.tobytes()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def _seed_weights(random: np.random.Generator, seeds: int, resamples: int) -> Floats:
    """[R, S] weights of resampled seeds; rows add up to 1."""
    return random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
