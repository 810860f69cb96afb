"""The training loop: update, log, save, resume. It knows no task.

The host never waits for a GPU within a step: the next batch is packed while the GPU computes, and a loss is read when
the step after it has been queued, or before the state is saved or the model evaluated. With several ranks
(`distributed`) every rank runs this loop.

The order of examples and the dropout are functions of (seed, step), the learning rate one of the step. A checkpoint
thus holds the weights, moments, step and what the task recorded, and a killed run resumes bit-identically.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Generic, NoReturn

import torch
from torch import Tensor

from bertfit.batching import rank_split
from bertfit.batching.transfer import AsyncScalar
from bertfit.core.errors import UserError
from bertfit.energy.energy_meter import EnergyMeter
from bertfit.energy.energy_use import Energy
from bertfit.runtime.progress import ProgressLog
from bertfit.training import devices, distributed, train_step
from bertfit.training.checkpoint import resume_task, save_task
from bertfit.training.task import B, DivergedError, Task
from bertfit.training.train_step import StepOptions

log = logging.getLogger(__name__)

SAVE_STEPS = "BERTFIT_SAVE_STEPS"  # environment variable of tests: steps between saves, in place of seconds
REST_SECONDS = "BERTFIT_REST_SECONDS"  # environment variable of tests: pause after each step
SAVING_SHARE = 0.03  # of the time at most goes into saving, where states are large or disks slow


class Stopped(SystemExit):
    """The process was asked to stop by a signal, and the state is saved; the exit status is 128 + ``signal_number``."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(128 + signal_number)


def run(
    task: Task[B],
    checkpoint: Path,
    key: str,
    *,
    marks: Collection[int] = (),
    save_seconds: float = 60.0,
    options: StepOptions = StepOptions(),  # noqa: B008  # frozen
    diverged: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Train ``task`` to its last step, resuming from the file ``checkpoint`` if it is there and has the same ``key``.

    A task that lowers its ``steps`` to those that are done ends there. Where the loss or an evaluation is not finite,
    training ends as well and ``diverged`` gets the number of that update, from 1; without it raises `DivergedError`.
    Writes ``checkpoint`` every ``save_seconds`` and on SIGINT (Ctrl-C), SIGTERM and SIGUSR1, after which it raises
    `Stopped` (status 128 + signal). The caller removes the file. Returns the cost of the whole run: steps, tokens,
    seconds, energy; under "step" on a GPU which of ``options`` were supported, under "marks" the cost up to each of the
    steps ``marks``. Raises `UserError` where the memory of the GPU does not suffice.
    """
    with _signals() as received, devices.measuring_energy(task.device) as meter:
        training = _Training(task, checkpoint, key, marks, save_seconds, options, received, meter)
        step = training.first
        try:
            training.between_updates(step)
            while step < task.steps:  # an evaluation may end the training
                training.update(step)
                step += 1
                training.between_updates(step)
        except DivergedError as error:
            if diverged is None:
                raise
            log.warning("%s; a failed run, which is recorded", error)
            training.ended(error.step)
            diverged(error.step)
    return training.cost


class _Training(Generic[B]):
    """One call of `run`; its methods get the number of updates that are done."""

    def __init__(
        self,
        task: Task[B],
        checkpoint: Path,
        key: str,
        marks: Collection[int],
        save_seconds: float,
        options: StepOptions,
        received: Callable[[], int],
        meter: EnergyMeter,
    ) -> None:
        self.task, self._checkpoint, self._key, self._marks, self._received = task, checkpoint, key, marks, received
        options = train_step.supported(task, options)
        if options != train_step.NONE:
            self._key = f"{key} {options}"  # bits depend on them
        self.first, self.cost = resume_task(task, checkpoint, self._key)
        if task.device.type == "cuda":
            self.cost["step"] = str(options)
        self._seconds_before, self._start = self.cost["seconds"], time.monotonic()
        self._energy_before, self._meter = self.cost.get("energy"), meter
        self._progress = ProgressLog(log, task.name, steps=task.steps, step=self.first)
        self._losses = _Losses(task, self._progress)
        self._saves = _SaveTimer(save_seconds)
        self._pause = float(os.environ.get(REST_SECONDS, 0))
        task.model.train()
        self._step = train_step.create(task, options)
        self._batch = task.batch(self.first) if self.first < task.steps else None

    def between_updates(self, step: int) -> None:
        """Update the cost; save when it is time to; save and raise `Stopped` after a signal; let the task evaluate."""
        due = self._saves.due(step) and step > self.first and distributed.rank() == 0
        signal_number, save = distributed.largest(self._received(), due)
        if signal_number or save or step == self.task.steps:
            self._losses.read()
        if signal_number:
            self._save_and_stop(step, signal_number)
        if save:
            self._measure()
            with self._saves.saving():
                save_task(self.task, self._checkpoint, self._key, step, self.cost)
        if step in self._marks:
            self._measure()
            mark = {"steps": step, **{name: self.cost[name] for name in ("tokens", "seconds", "energy")}}
            self.cost.setdefault("marks", {})[str(step)] = mark
        try:
            with self._progress.evaluation():
                self.task.reached(step, self._check_evaluation)
        except _EvaluationInterrupted as interrupted:  # the task has not recorded anything of it
            self._save_and_stop(step, interrupted.signal_number)
        self.cost["steps"] = self.task.steps
        if step == self.task.steps:
            self._measure()

    def update(self, step: int) -> None:
        """One update of the weights, and the next batch."""
        task, batch = self.task, self._batch
        assert batch is not None
        try:
            loss, sums = self._step(step, rank_split.part(batch, distributed.rank(), distributed.size()))
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"{task.name}: the memory of the GPU does not suffice for a batch of {batch.tokens} tokens; lower "
                "`batch_size` or `max_length`, or give less to other jobs (jobs_per_gpu), or keep no memory for CUDA "
                "graphs (--config cuda_graphs=no)"
            ) from error
        task.record(sums)
        self._losses.add(step, distributed.total(loss), batch.tokens)
        self.cost["tokens"] += batch.tokens
        self._batch = task.batch(step + 1) if step + 1 < task.steps else None  # packed while a GPU still computes
        time.sleep(self._pause)

    def ended(self, step: int) -> None:
        """Update the cost of a training that diverged at ``step``; raise `Stopped` after a signal.

        Nothing is saved then: the training resumes from the last checkpoint and diverges again.
        """
        self.cost["steps"] = step
        self._measure()
        (signal_number,) = distributed.largest(self._received())
        if signal_number:
            raise Stopped(signal_number)

    def _measure(self) -> None:
        """Update time and energy of the cost; all ranks call it together."""
        energy = devices.of_all_ranks(self._meter.read())
        if self._energy_before is not None:
            energy = Energy(**self._energy_before).plus(energy)
        seconds = self._seconds_before + time.monotonic() - self._start
        self.cost |= {"seconds": seconds, "energy": energy.model_dump()}

    def _check_evaluation(self) -> None:
        """Called by the task before each part of an evaluation."""
        self._losses.read()
        (signal_number,) = distributed.largest(self._received())
        if signal_number:
            raise _EvaluationInterrupted(signal_number)
        self._progress.evaluating()

    def _save_and_stop(self, step: int, signal_number: int) -> NoReturn:
        self._measure()
        save_task(self.task, self._checkpoint, self._key, step, self.cost)
        name = signal.Signals(signal_number).name
        log.warning("%s: %s, state saved at step %d; run again to resume", self.task.name, name, step)
        raise Stopped(signal_number)


class _EvaluationInterrupted(Exception):
    """A signal was received during an evaluation."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class _SaveTimer:
    """When to save: every ``seconds``, or less often where saving would take more than `SAVING_SHARE` of the time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = self._interval = seconds
        self._steps = int(os.environ.get(SAVE_STEPS, 0))
        self._saved = time.monotonic()

    def due(self, step: int) -> bool:
        """Whether to save after ``step`` updates."""
        if self._steps:
            return step % self._steps == 0
        return time.monotonic() - self._saved >= self._interval

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Measure the duration of the block, a save."""
        start = time.monotonic()
        yield
        self._saved = time.monotonic()
        self._interval = max(self._seconds, (self._saved - start) / SAVING_SHARE)


@contextmanager
def _signals() -> Iterator[Callable[[], int]]:
    """Record SIGTERM, SIGUSR1 and SIGINT while the block runs; yields a function that returns the last one, or 0."""
    received = [0]

    def record(number: int, frame: FrameType | None) -> None:
        received[0] = number

    before = {number: signal.signal(number, record) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)}
    try:
        yield lambda: received[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Losses:
    """Losses of the steps, each checked and logged when the next step has been queued, or when it is asked for."""

    def __init__(self, task: Task[Any], progress: ProgressLog) -> None:
        self._task, self._progress = task, progress
        self._last: tuple[int, AsyncScalar, int] | None = None

    def add(self, step: int, loss: Tensor, tokens: int) -> None:
        """Start to copy the scalar ``loss`` of ``step`` to the host; read that of the step before."""
        scalar = AsyncScalar(loss)
        self.read()
        self._last = step, scalar, tokens

    def read(self) -> None:
        """Check and log the last loss added. Raises `DivergedError` where it is not finite."""
        if self._last is None:
            return
        step, scalar, tokens = self._last
        self._last = None
        value, lr = scalar.read(), self._task.optimizer.lr(step)
        if not math.isfinite(value):
            raise DivergedError(self._task, f"loss is {value}", step + 1)
        self._progress.trained(step + 1, tokens, value, lr)
