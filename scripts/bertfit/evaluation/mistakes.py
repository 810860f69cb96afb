"""The test examples that a run is most sure of and wrong: where to look when an error rate is not what was expected.

Shapes: S seeds, N test examples, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core.errors import UserError
from bertfit.evaluation import predictions
from bertfit.evaluation.predictions import softmax


@dataclass(frozen=True)
class Mistake:
    """A test example that the seeds together classify wrongly."""

    example: int
    label: int
    predicted: int
    confidence: float
    """probability of ``predicted``, mean over the seeds"""
    wrong: int
    """seeds that get it wrong, each by itself"""


def most_confident(paths: Sequence[Path], count: int) -> tuple[int, list[Mistake]]:
    """How many examples the mean probabilities of all seeds get wrong, and the ``count`` that they are most sure of.

    ``paths`` are the ``predictions.parquet`` of one run; of each seed its last evaluation counts. Equally sure ones in
    the order of the test set.

    Raises `UserError` for predictions that are torn, or of different test examples.
    """
    labels: NDArray[np.int32] | None = None
    probabilities: list[NDArray[np.float64]] = []
    for path in paths:
        for one in predictions.last_evaluations(predictions.read_evaluations(path)):
            labels = one.labels if labels is None else labels
            if not np.array_equal(one.labels, labels):
                raise UserError(f"{path}: other test examples than another seed of its run; delete both and run again")
            probabilities.append(softmax(one.logits))
    if labels is None:
        raise UserError(f"no predictions in {[str(path) for path in paths]}")
    mean = np.mean(probabilities, axis=0)
    predicted = mean.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    sure = mean[wrong, predicted[wrong]]
    failing = np.sum([each.argmax(axis=1) != labels for each in probabilities], axis=0)
    chosen = wrong[np.argsort(-sure, kind="stable")][:count]
    found = [
        Mistake(int(one), int(labels[one]), int(predicted[one]), float(mean[one, predicted[one]]), int(failing[one]))
        for one in chosen
    ]
    return len(wrong), found


def texts(test: Path, examples: Iterable[int], length: int = 300) -> dict[int, str]:
    """Texts of some examples of a corpus's ``test.parquet``, fields joined by a dash, cut to ``length`` characters."""
    chosen = sorted(set(examples))
    table = pq.read_table(test).drop_columns(["label"]).take(pa.array(chosen, pa.int64()))
    rows = [" – ".join(part for part in map(str.strip, row.values()) if part) for row in table.to_pylist()]
    cut = [row if len(row) <= length else f"{row[: length - 1].rstrip()}…" for row in rows]
    return dict(zip(chosen, cut, strict=True))
