"""Made-up errors of two strategies on one test set, of whom one may be better: the truth that tests are held against.

An example is got wrong where a hidden sum exceeds a threshold: how hard the example is (for both strategies, and for
this one), how badly this seed went, and chance. Seeds of one strategy share nothing with those of the other.

Shapes: R repetitions, S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

HARD, OWN, CHANCE = 1.0, 0.5, 0.5  # standard deviations of the parts


def differences(
    random: np.random.Generator,
    repetitions: int,
    seeds: int,
    examples: int,
    *,
    error: float,
    spread: float,
    gain: float = 0,
) -> Iterator[NDArray[np.float32]]:
    """Chunks [r, S, N] of error of the second less error of the first strategy (-1, 0, 1).

    ``error``: share that the second gets wrong. ``spread``: standard deviation between seeds. ``gain``: how much
    lower the first one's hidden sums are; 0 is the null hypothesis.
    """
    threshold = norm.ppf(1 - error) * np.sqrt(HARD**2 + OWN**2 + CHANCE**2 + spread**2)
    chunk = max(1, 2_000_000 // (seeds * examples))
    for start in range(0, repetitions, chunk):
        size = min(chunk, repetitions - start)

        def part(*shape: int, scale: float, size: int = size) -> NDArray[np.float32]:
            return np.float32(scale) * random.standard_normal((size, *shape), dtype=np.float32)

        hard = part(1, examples, scale=HARD)
        wrong = [
            hard + part(1, examples, scale=OWN) + part(seeds, 1, scale=spread) + part(seeds, examples, scale=CHANCE)
            > threshold + shift
            for shift in (gain, 0.0)
        ]
        yield wrong[1].astype(np.float32) - wrong[0]


def mistakes(
    random: np.random.Generator, cells: int, seeds: int, examples: int, *, error: float, spread: float
) -> NDArray[np.bool_]:
    """[cells, S, N] of one strategy, each cell with a test set of its own; otherwise as in `differences`."""
    scale = np.sqrt(HARD**2 + OWN**2 + CHANCE**2 + spread**2)
    hard = np.hypot(HARD, OWN) * random.standard_normal((cells, 1, examples), dtype=np.float32)
    of_seed = spread * random.standard_normal((cells, seeds, 1), dtype=np.float32)
    chance = CHANCE * random.standard_normal((cells, seeds, examples), dtype=np.float32)
    return np.asarray(hard + of_seed + chance > norm.ppf(1 - error) * scale)
