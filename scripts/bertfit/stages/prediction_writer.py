"""What is kept of a classifier's answers: error rates, the columns of history.csv, the rows of predictions.parquet.

Shapes: B documents of a batch, R evaluated rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from bertfit.training import distributed

if TYPE_CHECKING:
    from bertfit.batching.example_order import Array

HISTORY = ("seed", "step", "epoch", "lr", "loss", "train_error", "test_error", "validation_error")

Done = tuple[int, dict[str, Tensor], dict[str, Any]]
"""Seed, tensors and JSON of its finished state."""


def error_percent(logits: Tensor, labels: Array) -> float:
    """Percent of rows whose largest logit (R, labels) is not their label's (R,)."""
    return 100 * float((logits.argmax(1).numpy() != labels).mean())


def tally(loss: Tensor, logits: Tensor, labels: Tensor, share: float = 1.0) -> Tensor:
    """(3,): sum of the losses, wrong answers and documents of a batch, from its mean loss, logits and labels (B,).

    Of a rank's part, whose ``share`` is 0 if it counts for nothing, those of the whole batch.
    """
    with torch.no_grad():
        wrong = (logits.argmax(1) != labels).sum()
        size = torch.full((), float(len(labels)), device=labels.device)
        found = torch.stack([loss.detach() * size, wrong, size])
        return distributed.total(found if share else torch.zeros_like(found))


def predicted(done: Sequence[Done], labels: Array) -> pa.Table:
    """The rows of ``predictions.parquet``: per seed the best evaluation and, where it is another, the last."""
    tables = []
    for seed, tensors, meta in done:
        kept = {meta["memory"][which]["step"]: which for which in ("last", "best")}
        for step, which in sorted(kept.items()):
            logits = tensors[which].numpy()
            size, classes = logits.shape
            offsets = np.arange(0, size * classes + 1, classes, dtype=np.int32)
            epoch = meta["memory"][which]["epoch"]
            columns = {
                "seed": pa.array(np.full(size, seed, np.int32)),
                "step": pa.array(np.full(size, step, np.int32)),
                "epoch": pa.array(np.full(size, epoch, np.float64)),
                "example": pa.array(np.arange(size, dtype=np.int32)),
                "label": pa.array(np.asarray(labels, dtype=np.int32)),
                "logits": pa.ListArray.from_arrays(pa.array(offsets), pa.array(logits.reshape(-1), pa.float32())),
            }
            tables.append(pa.table(columns))
    return pa.concat_tables(tables)
