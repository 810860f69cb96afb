"""Two results folders to compare: mistakes of made-up runs on 200 examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers import madeup

N = 200
LABELS = np.arange(N) % 2


def mistakes(count: int, start: int = 0) -> np.ndarray:
    """``count`` mistakes from example ``start`` on."""
    return (np.arange(N) >= start) & (np.arange(N) < start + count)


def two_sides(tmp_path: Path) -> tuple[Path, Path]:
    """Four cells of three seeds: as they were, a little worse, much worse, and one that each side has alone."""
    a, b = tmp_path / "a", tmp_path / "b"
    for root, little, much in ((a, 20, 10), (b, 22, 60)):
        counts = {"default": (20, 24, 22), "little": (little,) * 3, "much": (much, much + 1, much + 2)}
        for recipe, each in counts.items():
            wrong = {seed: mistakes(count) for seed, count in enumerate(each, start=1)}
            madeup.run(root / f"runs/imdb/mini/{recipe}/seeds1-3", LABELS, wrong)
        madeup.run(root / f"runs/imdb/mini/only-{root.name}/seeds1-1", LABELS, {1: mistakes(5)})
        madeup.score(root)
    return a, b
