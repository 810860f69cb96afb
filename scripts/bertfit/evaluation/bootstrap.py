"""Multi-Bootstrap (Sellam et al. 2022): seeds and test examples are drawn again together, each with replacement.

Examples on which all seeds say the same are interchangeable, so what is drawn is how often each such pattern comes:
one multinomial draw, the same distribution as drawing examples one by one. Draws are a function of the data alone.

Shapes: S seeds, N test examples, C classes, K distinct patterns, R resamples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

RESAMPLES = 2000
Floats = NDArray[np.float64]
Metric = Callable[[NDArray], Floats]


def means(values: NDArray, resamples: int = RESAMPLES) -> Floats:
    """[R] means of ``values`` [S, N] (errors, or differences of errors) over resampled seeds and examples."""
    seeds, examples = values.shape
    random = generator(values)
    patterns, counts = np.unique(values, axis=1, return_counts=True)
    drawn = random.multinomial(examples, counts / examples, size=resamples)
    return np.einsum("rs,rs->r", _seeds(random, seeds, resamples), drawn @ patterns.T / examples)


def metric(
    predicted: NDArray, labels: NDArray, classes: int, measure: Metric, resamples: int = RESAMPLES
) -> tuple[Floats, Floats]:
    """Resampled means over seeds of a metric of confusion matrices: ([R] seeds and examples drawn, [R] examples only).

    ``predicted`` [S, N] and ``labels`` [N] are class numbers; ``measure`` maps counts [..., C, C] to values [...].
    """
    seeds, examples = predicted.shape
    random = generator(np.vstack([labels, predicted]))
    patterns, counts = np.unique(np.vstack([labels, predicted]), axis=1, return_counts=True)
    drawn = random.multinomial(examples, counts / examples, size=resamples)
    found = np.empty((resamples, seeds))
    for seed in range(seeds):
        cell = patterns[0] * classes + patterns[1 + seed]
        into = sparse.csr_array(
            (np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(classes * classes, len(cell))
        )
        found[:, seed] = measure((into @ drawn.T).T.reshape(resamples, classes, classes))
    return np.einsum("rs,rs->r", _seeds(random, seeds, resamples), found), found.mean(axis=1)


def variance(values: NDArray) -> Floats:
    """Exact variance of `means` over its draws, of ``values`` [..., S, N]: what endless resampling would show.

    Counts of multinomial draws have E[a b] = 1 - 1/S (+ 1 where a is b), and likewise for examples.
    """
    seeds, examples = values.shape[-2:]
    squares, total = (values**2).sum((-2, -1)), values.sum((-2, -1)) ** 2
    rows, columns = ((values.sum(axis) ** 2).sum(-1) for axis in (-1, -2))
    keep_seeds, keep_examples = 1 - 1 / seeds, 1 - 1 / examples
    second = keep_seeds * keep_examples * total + keep_examples * rows + keep_seeds * columns + squares
    return (second - total) / (seeds * examples) ** 2


def generator(values: NDArray) -> np.random.Generator:
    """Random numbers that depend on the content and shape of ``values`` only."""
    whole = np.ascontiguousarray(values, dtype=np.float64)
    digest = hashlib.sha256(repr(whole.shape).encode() + whole.tobytes()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def _seeds(random: np.random.Generator, seeds: int, resamples: int) -> Floats:
    """[R, S] weights of resampled seeds; rows add up to 1."""
    return random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
