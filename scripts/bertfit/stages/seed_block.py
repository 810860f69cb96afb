"""A block of seeds, each trained as if it were alone, and what is written of it. It knows no model.

A strategy gives a task for each seed: a `Progress` that the loop of `loop` can train. Shapes: B documents of a
batch, R evaluated rows.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

import pandas as pd
import pyarrow.parquet as pq
import torch
from torch import Tensor

from bertfit.batching.example_order import Array
from bertfit.core import files
from bertfit.stages import prediction_writer
from bertfit.stages.prediction_writer import HISTORY, Done
from bertfit.training import checkpoint, distributed, loop, run_record
from bertfit.training.task import Task

log = logging.getLogger(__name__)


class SeedTask(Task[Any], Protocol):
    """One seed of a block: a task of the loop that keeps its evaluations as `Progress` does."""


T = TypeVar("T", bound=SeedTask)


class Progress:
    """What one seed remembers of its evaluations. A task inherits it, or shares its ``memory`` and ``tensors``.

    ``memory``: the rows of the history, step and epoch of the last and the best evaluation. ``tensors``: their logits
    (R, labels); sums of loss, wrong answers and examples since the last row.
    """

    def __init__(self, seed: int, *, steps: int, steps_per_epoch: int, every: int | None, where: torch.device) -> None:
        """``every``: steps between evaluations, instead of an epoch."""
        self.seed, self.steps, self._epoch, self._where = seed, steps, steps_per_epoch, where
        self._every = every or steps_per_epoch
        self.memory: dict[str, Any] = {"history": [], "best": None}
        self.tensors: dict[str, Tensor] = {"sums": self._zeros()}

    def learned(self, loss: Tensor, logits: Tensor, labels: Tensor, share: float = 1.0) -> None:
        """Add a batch to the sums: its mean loss, logits (B, labels), labels (B,); see `prediction_writer.tally`."""
        self.tensors["sums"] += prediction_writer.tally(loss, logits, labels, share)

    def due(self, step: int) -> bool:
        """Whether to evaluate after ``step`` updates: after each epoch (or ``every`` steps), and after the last."""
        return step > 0 and (step % self._every == 0 or step == self.steps)

    def evaluated(
        self, step: int, *, lr: float, logits: Tensor, test_error: float, validation_error: float | None = None
    ) -> None:
        """Add a row to the history and keep the test set's logits (R, labels) as the last ones, and as best if best.

        The best evaluation has the smallest validation error (without validation rows: test error), the first of these.
        """
        loss, wrong, size = self.tensors["sums"].tolist()
        row = {
            "seed": self.seed,
            "step": step,
            "epoch": step / self._epoch,
            "lr": lr,
            "loss": loss / size,
            "train_error": 100 * wrong / size,
            "test_error": test_error,
            "validation_error": validation_error,
        }
        log.info("%s", ", ".join(f"{name} {value:.6g}" for name, value in row.items() if value is not None))
        self.memory["history"].append(row)
        chosen = test_error if validation_error is None else validation_error
        if self.memory["best"] is None or chosen < self.memory["best"]["error"]:
            self.memory["best"] = {"error": chosen, "step": step, "epoch": row["epoch"]}
            self.tensors["best"] = logits.clone()  # a state file shares no memory
        self.memory["last"] = {"step": step, "epoch": row["epoch"]}
        self.tensors |= {"last": logits, "sums": self._zeros()}

    def _zeros(self) -> Tensor:
        return torch.zeros(3, dtype=torch.float64, device=self._where)


class Block(TypedDict):
    """What every strategy is given of a block, beside what it is about."""

    seeds: list[int]
    threads: int
    state: Path
    """a folder of ours, removed at the end: what was done before a kill is not done again, to the same bits"""
    predictions: Path
    history: Path
    record: Path
    """three files that are written"""
    job: Mapping[str, Any]
    """for run.json"""


def run(
    task: Callable[[int], T],
    *,
    key: str,
    labels: Array,
    inputs: Mapping[str, Path],
    where: torch.device,
    cost: Mapping[str, Any] | None = None,
    entries: Mapping[str, Any] | None = None,
    keep: Callable[[T, Path], None] | None = None,
    model_folder: Path | None = None,
    **given: Unpack[Block],
) -> None:
    """Train ``task(seed)`` for each seed; write predictions, history and run.json as ARCHITECTURE.md says.

    ``labels`` (R,) are the test set's, ``key`` says what a state belongs to (see `resume_state.key`). What was done
    before a kill is not done again: a finished seed makes no task, the current one goes on to the same bits. ``cost``
    and ``entries`` are further entries of run.json's cost and of run.json, read at the end. ``keep`` writes what is
    left of a trained task into a folder that becomes ``<model_folder>/seed<k>``. Raises `UserError` for a loss that is
    not finite.
    """
    seeds, state = given["seeds"], given["state"]
    done = [_finished(task, seed, key, state, keep) for seed in seeds]
    if distributed.rank():
        return
    rows = [row for _, _, meta in done for row in meta["memory"]["history"]]
    with files.atomic(given["history"]) as temporary:
        pd.DataFrame(rows, columns=HISTORY).to_csv(temporary, index=False)
    with files.atomic(given["predictions"]) as temporary:
        pq.write_table(prediction_writer.predicted(done, labels), temporary)
    if model_folder is not None:
        with files.atomic(model_folder) as temporary:
            for seed in seeds:
                shutil.copytree(_kept(state, seed), temporary / f"seed{seed}")
    spent = _cost(done) | {"threads": given["threads"], "seeds": {str(seed): meta["cost"] for seed, _, meta in done}}
    content = run_record.record(given["job"], inputs=inputs, device=where, cost=spent | dict(cost or {}))
    files.write_text(given["record"], run_record.text(content | dict(entries or {})))
    files.remove(state)


def _finished(
    task: Callable[[int], T], seed: int, key: str, state: Path, keep: Callable[[T, Path], None] | None
) -> Done:
    """Train a seed to its end, unless that was done before."""
    finished, current = state / f"seed{seed}.done.safetensors", state / f"seed{seed}.safetensors"
    found = checkpoint.load(finished, key)
    if found is None:
        made = task(seed)
        spent = loop.run(made, current, key)
        if distributed.rank() == 0:
            if keep is not None:
                keep(made, _kept(state, seed))
            checkpoint.save(finished, key, made.tensors, {"memory": made.memory, "cost": spent})
            files.remove(current)
        distributed.wait()
        found = checkpoint.load(finished, key)
        assert found is not None
    return seed, *found


def _kept(state: Path, seed: int) -> Path:
    """Where a trained model waits for the end of its block: outputs of a failed job are deleted, the state is not."""
    return state / f"seed{seed}.kept"


def _cost(done: list[Done]) -> dict[str, float]:
    """Of all seeds together."""
    total = {name: sum(meta["cost"][name] for _, _, meta in done) for name in ("tokens", "seconds")}
    return total | {"tokens_per_second": total["tokens"] / total["seconds"]}
