"""Published predictions of a classifier: error rates, the columns of history.csv, the rows of predictions.parquet.

Shapes: B documents of a batch, R evaluated rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from torch import Tensor

from bertfit.core import label_sets
from bertfit.core.label_sets import LabelSets

if TYPE_CHECKING:
    from bertfit.batching.example_order import Array

HISTORY = ("seed", "step", "epoch", "lr", "loss", "train_error", "test_error", "validation_error")


@dataclass(frozen=True)
class EvaluationLogits:
    """Logits of the test set, (R, labels) float32, after ``step`` updates."""

    step: int
    epoch: float
    logits: Tensor


@dataclass(frozen=True)
class SeedPredictions:
    """The two evaluations of a seed that are published; both may be of the same step."""

    seed: int
    last: EvaluationLogits
    best: EvaluationLogits


def error_percent(logits: Tensor, labels: Array, sets: LabelSets | None = None) -> float:
    """Percent of rows whose largest logit (R, labels) is not their label's (R,).

    With ``sets``, which ``labels`` number: of rows for which the classes of probability 0.5 or more are not their set.
    """
    if sets is not None:
        expected = label_sets.members(sets, logits.shape[1])[labels]
        return 100 * float(label_sets.wrong(logits.numpy(), expected).mean())
    return 100 * float((logits.argmax(1).numpy() != labels).mean())


def table(predictions: Sequence[SeedPredictions], labels: Array, sets: LabelSets | None = None) -> pa.Table:
    """The rows of ``predictions.parquet``: per seed the best evaluation and, where it is another, the last.

    ``labels`` (R,) are those of the test set, or numbers of ``sets`` of them.
    """
    tables = []
    for one_seed in predictions:
        by_step = {evaluation.step: evaluation for evaluation in (one_seed.last, one_seed.best)}
        for step, evaluation in sorted(by_step.items()):
            logits = evaluation.logits.numpy()
            size, classes = logits.shape
            offsets = np.arange(0, size * classes + 1, classes, dtype=np.int32)
            columns = {
                "seed": pa.array(np.full(size, one_seed.seed, np.int32)),
                "step": pa.array(np.full(size, step, np.int32)),
                "epoch": pa.array(np.full(size, evaluation.epoch, np.float64)),
                "example": pa.array(np.arange(size, dtype=np.int32)),
                "label": pa.array(np.asarray(labels, dtype=np.int32)),
                "logits": pa.ListArray.from_arrays(pa.array(offsets), pa.array(logits.reshape(-1), pa.float32())),
            }
            tables.append(pa.table(columns))
    return pa.concat_tables(tables).replace_schema_metadata(label_sets.metadata(sets) or None)
