"""The seeds of one job, trained one after the other, each as if it were alone, and the files written about them.

A `Strategy` makes the task of each seed, which records its evaluations as an `EvaluationHistory`. No model is known
here. Shapes: B documents of a batch, R rows of the test set.
"""

from __future__ import annotations

import logging
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pandas as pd
import pyarrow.parquet as pq
import torch
from torch import Tensor

from bertfit.batching.example_order import Array
from bertfit.core import files
from bertfit.core.label_sets import LabelSets
from bertfit.experiments import job_record
from bertfit.runtime.rule_job import JobIdentity, RuleJob
from bertfit.stages import prediction_writer
from bertfit.stages.prediction_writer import HISTORY, EvaluationLogits, SeedPredictions
from bertfit.training import checkpoint, distributed, loop, run_record
from bertfit.training.task import B, Task
from bertfit.training.train_step import StepOptions

log = logging.getLogger(__name__)


class EvaluationHistory:
    """What one seed records of its evaluations. The task of a seed inherits it.

    ``memory`` holds the rows of the history, step and epoch of the last and the best evaluation, and the step at which
    training diverged, or None; ``tensors`` holds the logits (R, labels) of both evaluations, and the sums of loss,
    wrong predictions and examples since the last row.
    """

    def __init__(
        self,
        seed: int,
        *,
        steps: int,
        steps_per_epoch: int,
        every: int | None,
        device: torch.device,
        patience: int | None = None,
    ) -> None:
        """``every``: steps between evaluations, in place of an epoch; ``patience``: see `record_evaluation`."""
        self.seed, self.steps, self._epoch, self._device = seed, steps, steps_per_epoch, device
        self._patience = patience
        self._every = every or steps_per_epoch
        self.memory: dict[str, Any] = {"history": [], "best": None, "diverged_at": None}
        self.tensors: dict[str, Tensor] = {"sums": self._zeros()}

    def record(self, sums: Tensor) -> None:
        """Add what `evaluate.tally` counts of a training batch, summed over the ranks."""
        self.tensors["sums"] += distributed.total(sums)

    def evaluation_due(self, step: int) -> bool:
        """Whether to evaluate after ``step`` updates: after each epoch (or ``every`` steps), and after the last."""
        return step > 0 and (step % self._every == 0 or step == self.steps)

    def record_evaluation(
        self, step: int, *, lr: float, logits: Tensor, test_error: float, validation_error: float | None = None
    ) -> bool:
        """Add a row to the history; keep the logits (R, labels) of the test set as the last, and as the best if so.

        The best evaluation is the first with the smallest validation error (test error without validation rows).
        Returns whether it is this one. After ``patience`` evaluations since the best one, this step becomes the last.
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
        selection_error = test_error if validation_error is None else validation_error
        is_best = self.memory["best"] is None or selection_error < self.memory["best"]["error"]
        if is_best:
            self.memory["best"] = {"error": selection_error, "step": step, "epoch": row["epoch"]}
            self.tensors["best"] = logits.clone()  # safetensors refuses tensors that share memory
        self.memory["last"] = {"step": step, "epoch": row["epoch"]}
        self.tensors |= {"last": logits, "sums": self._zeros()}
        since = sum(evaluated["step"] > self.memory["best"]["step"] for evaluated in self.memory["history"])
        if self._patience and since >= self._patience and step < self.steps:
            log.info("seed %d: no lower error in %d evaluations; stopped at step %d of %d",
                     self.seed, since, step, self.steps)  # fmt: skip
            self.steps = step
        return is_best

    def record_divergence(
        self,
        step: int,
        *,
        lr: float,
        logits: Tensor,
        train_error: float,
        test_error: float,
        validation_error: float | None = None,
    ) -> None:
        """Add a row without a loss to the history: training diverged at ``step``, errors are those of a constant guess.

        Its ``logits`` (R, labels) of the test set are the last ones, and the best if nothing was evaluated before.
        """
        at = {"step": step, "epoch": step / self._epoch}
        errors = {"train_error": train_error, "test_error": test_error, "validation_error": validation_error}
        self.memory["history"].append({"seed": self.seed, **at, "lr": lr, "loss": None, **errors})
        self.memory |= {"last": at, "diverged_at": step}
        self.tensors["last"] = logits
        if self.memory["best"] is None:
            self.memory["best"] = {"error": test_error if validation_error is None else validation_error, **at}
            self.tensors["best"] = logits.clone()

    def _zeros(self) -> Tensor:
        return torch.zeros(3, dtype=torch.float64, device=self._device)


class SeedTask(Task[B], Protocol):
    """The task of one seed, whose divergence is a result."""

    def diverged(self, step: int) -> None:
        """Record with `EvaluationHistory.record_divergence` that training diverged at ``step``."""
        ...


T = TypeVar("T", bound=SeedTask[Any])


class Strategy(ABC, Generic[T]):
    """How a job's seeds are trained: makes the task of each, and says what `SeedBlock` writes about them."""

    def __init__(
        self,
        *,
        key: str,
        labels: Array,
        input_files: Mapping[str, Path],
        device: torch.device,
        sets: LabelSets | None = None,
    ) -> None:
        """``key`` identifies the resume states (`resume_state.key`), ``labels`` (R,) are those of the test set.

        They number ``sets`` where a text may have several. ``input_files`` are recorded in ``run.json``.
        """
        self.key, self.labels, self.input_files, self.device, self.sets = key, labels, input_files, device, sets

    @abstractmethod
    def task(self, seed: int) -> T:
        """The task of one seed; it records its evaluations as `EvaluationHistory` does.

        Not called for a seed that was finished before a restart.
        """

    def extra_cost(self) -> Mapping[str, Any]:
        """Further entries of the cost in ``run.json``, read when all seeds are trained."""
        return {}

    def classifier(self, task: T) -> dict[str, Any] | None:
        """Size of a trained classifier and time of its evaluations (`classification.measured`), if it is measured."""
        return None

    def extra_entries(self) -> Mapping[str, Any]:
        """Further entries of ``run.json``, read when all seeds are trained."""
        return {}


class ExportingStrategy(Strategy[T]):
    """A strategy whose trained models can be written to a folder."""

    @abstractmethod
    def export(self, task: T, folder: Path) -> None:
        """Write the model of a trained task to ``folder``; called if the block has a ``model_folder``."""


@dataclass(frozen=True)
class SeedBlock:
    """The seeds of one job and its files."""

    seeds: Sequence[int]
    state: Path
    """Folder of the resume states, removed at the end: a killed job resumes bit-identically."""
    predictions: Path
    history: Path
    record: Path
    job: JobIdentity
    threads: int
    options: StepOptions = StepOptions()  # noqa: RUF009  # frozen
    model_folder: Path | None = None
    """Gets a folder ``seed<k>`` for each trained model, if given."""

    @classmethod
    def of(cls, job: RuleJob, seeds: Sequence[int], state: Path) -> SeedBlock:
        """The block of a rule with the outputs ``predictions``, ``history``, ``record`` and perhaps ``models``."""
        return cls(
            seeds=seeds,
            state=state,
            predictions=job.output["predictions"],
            history=job.output["history"],
            record=job.output["record"],
            job=job.identity,
            threads=job.threads,
            options=StepOptions.of(job.resources),
            model_folder=job.output.get("models"),
        )

    def train(self, strategy: Strategy[T]) -> None:
        """Train every seed; write predictions, history, run.json and models as ARCHITECTURE.md says.

        A seed whose training diverges has failed, and gets the predictions of a constant guess: ``diverged_at`` of
        run.json has the step. Where models are asked for, `DivergedError` is raised instead. Raises ValueError for a
        ``model_folder`` with a strategy that exports no models.
        """
        if self.model_folder is not None and not isinstance(strategy, ExportingStrategy):
            raise ValueError(f"{type(strategy).__name__} exports no models")
        finished = [self._finish(strategy, seed) for seed in self.seeds]
        if distributed.rank():
            return
        rows = [row for seed in finished for row in seed.history]
        with files.atomic(self.history) as temporary:
            pd.DataFrame(rows, columns=HISTORY).to_csv(temporary, index=False)
        with files.atomic(self.predictions) as temporary:
            table = prediction_writer.table([seed.predictions for seed in finished], strategy.labels, strategy.sets)
            pq.write_table(table, temporary)
        if self.model_folder is not None:
            with files.atomic(self.model_folder) as temporary:
                for seed in self.seeds:
                    shutil.copytree(self._exported(seed), temporary / f"seed{seed}")
        costs = {seed.predictions.seed: seed.cost for seed in finished}
        cost = run_record.block_cost(costs, self.threads) | dict(strategy.extra_cost())
        content = run_record.record(self.job, inputs=strategy.input_files, device=strategy.device, cost=cost)
        content["diverged_at"] = {str(seed.predictions.seed): seed.diverged_at for seed in finished}
        content["classifier"] = job_record.fastest([seed.classifier for seed in finished if seed.classifier])
        files.write_text(self.record, run_record.text(content | dict(strategy.extra_entries())))
        files.remove(self.state)

    def _finish(self, strategy: Strategy[T], seed: int) -> _FinishedSeed:
        """Train a seed to its end, unless that was done before a restart."""
        finished, current = self.state / f"seed{seed}.done.safetensors", self.state / f"seed{seed}.safetensors"
        saved = checkpoint.load(finished, strategy.key)
        if saved is None:
            task = strategy.task(seed)
            diverged = task.diverged if self.model_folder is None else None  # no model of a guess is delivered
            cost = loop.run(task, current, strategy.key, options=self.options, diverged=diverged)
            if distributed.rank() == 0:
                if self.model_folder is not None and isinstance(strategy, ExportingStrategy):
                    strategy.export(task, self._exported(seed))
                meta = {"memory": task.memory, "cost": cost, "classifier": strategy.classifier(task)}
                checkpoint.save(finished, strategy.key, task.tensors, meta)
                files.remove(current)
            distributed.wait()
            saved = checkpoint.load(finished, strategy.key)
            assert saved is not None
        return _FinishedSeed.of(seed, *saved)

    def _exported(self, seed: int) -> Path:
        """Where a model waits for the other seeds: Snakemake deletes the outputs of a failed job, but not the state."""
        return self.state / f"seed{seed}.model"


@dataclass(frozen=True)
class _FinishedSeed:
    predictions: SeedPredictions
    history: list[dict[str, Any]]
    cost: dict[str, Any]
    diverged_at: int | None
    classifier: dict[str, Any] | None

    @classmethod
    def of(cls, seed: int, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> _FinishedSeed:
        """From the state of a finished task."""
        memory = meta["memory"]
        last, best = (
            EvaluationLogits(memory[which]["step"], memory[which]["epoch"], tensors[which])
            for which in ("last", "best")
        )
        return cls(SeedPredictions(seed, last, best), memory["history"], meta["cost"], memory["diverged_at"],
                   meta["classifier"])  # fmt: skip
