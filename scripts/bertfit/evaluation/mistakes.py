"""The most confident mistakes of a run.

Shapes: S seeds, N test examples, C classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.core.label_sets import LabelSets
from bertfit.evaluation import predictions
from bertfit.evaluation.predictions import sigmoid, softmax


@dataclass(frozen=True)
class Mistake:
    """A test example that the mean probabilities of the seeds misclassify."""

    example: int
    label: int
    predicted: int
    confidence: float
    """probability of ``predicted``, mean over the seeds"""
    wrong: int
    """number of seeds that misclassify it on their own"""


def most_confident(paths: Sequence[Path], count: int, diverged: Collection[int] = ()) -> tuple[int, list[Mistake]]:
    """Number of examples that the mean probabilities of all seeds misclassify, and the ``count`` most confident ones.

    ``paths`` are the ``predictions.parquet`` of one run; each seed's last evaluation counts, but those of ``diverged``
    seeds, which are a constant guess, only if there are no others: then none is shown. Ties keep the order of the test
    set. Of examples with several classes, wrong sets of these are counted, and none is shown.

    Raises `UserError` for predictions that are unreadable, incomplete or of different test examples.
    """
    labels: NDArray[np.int32] | None = None
    sets: LabelSets | None = None
    probabilities: dict[int, NDArray[np.float64]] = {}
    for path in paths:
        for last in predictions.last_evaluations(predictions.read_evaluations(path)):
            labels = last.labels if labels is None else labels
            if not np.array_equal(last.labels, labels):
                raise UserError(f"{path}: other test examples than another seed of its run; delete both and run again")
            sets = last.sets
            probabilities[last.seed] = softmax(last.logits) if sets is None else sigmoid(last.logits)
    if labels is None:
        raise UserError(f"no predictions in {[str(path) for path in paths]}")
    counted = [values for seed, values in probabilities.items() if seed not in diverged]
    mean = np.mean(counted or list(probabilities.values()), axis=0)
    if sets is not None:
        expected = label_sets.members(sets, mean.shape[1])[labels]
        return int(((mean >= 0.5) != expected).any(1).sum()), []
    predicted = mean.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = mean[wrong, predicted[wrong]]
    seeds_wrong = np.sum([of_seed.argmax(axis=1) != labels for of_seed in probabilities.values()], axis=0)
    shown = wrong[np.argsort(-confidence, kind="stable")][: count if counted else 0]
    return len(wrong), [
        Mistake(
            int(row), int(labels[row]), int(predicted[row]), float(mean[row, predicted[row]]), int(seeds_wrong[row])
        )
        for row in shown
    ]


def texts(test: Path, examples: Iterable[int], length: int = 300) -> dict[int, str]:
    """Texts of some examples of a corpus's ``test.parquet``, fields joined by a dash, cut to ``length`` characters."""
    chosen = sorted(set(examples))
    table = pq.read_table(test).drop_columns(["label"]).take(pa.array(chosen, pa.int64()))
    rows = [" – ".join(part for part in map(str.strip, row.values()) if part) for row in table.to_pylist()]
    cut = [row if len(row) <= length else f"{row[: length - 1].rstrip()}…" for row in rows]
    return dict(zip(chosen, cut, strict=True))
