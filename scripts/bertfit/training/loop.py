"""The one training loop: step, log, checkpoint, resume. It knows no task.

The host never waits for a GPU within a step: batches are packed ahead, and a loss is read when the next step is under
way, or before anything is saved or evaluated. On several GPUs (`distributed`) every rank runs this loop.

Order of examples and dropout are functions of (seed, step), the learning rate of the step. The state of a run is thus
its weights, moments, step and what the task remembers, and a run that was killed goes on to bit-identical results.
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
from typing import Any

import torch
from torch import Tensor

from bertfit.batching import rank_split
from bertfit.batching.transfer import AsyncScalar
from bertfit.core.errors import UserError
from bertfit.runtime.progress import ProgressLog
from bertfit.training import distributed
from bertfit.training.checkpoint import resume_task, save_task
from bertfit.training.task import B, Task

log = logging.getLogger(__name__)

SAVE_STEPS = "BERTFIT_SAVE_STEPS"  # environment: save every so many steps instead of by the clock (tests)
REST_SECONDS = "BERTFIT_REST_SECONDS"  # environment: rest so long after each step (tests of what happens meanwhile)
SAVING_SHARE = 0.03  # of the time at most, where states are large or disks slow


class Stopped(SystemExit):
    """The process was asked to stop by the signal ``number``; its state is saved."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


def run(
    task: Task[B], state: Path, key: str, *, marks: Collection[int] = (), save_seconds: float = 60.0
) -> dict[str, Any]:
    """Train ``task`` to its last step, going on from the file ``state`` if a state of the same ``key`` is there.

    Saves to ``state`` every ``save_seconds`` and on SIGINT (Ctrl-C), SIGTERM and SIGUSR1, after which it raises
    `Stopped` (status 128 + signal). Removing the file is left to the caller. Returns the cost of the whole run: steps,
    tokens, seconds; under "marks" also what it was when each step of ``marks`` was reached. Raises `UserError` where
    the loss is not finite, or the memory of the GPU does not suffice.
    """
    step, cost = resume_task(task, state, key)
    save_steps = int(os.environ.get(SAVE_STEPS, 0))
    rest = float(os.environ.get(REST_SECONDS, 0))
    before = cost["seconds"]
    begun = saved = time.monotonic()
    pace = ProgressLog(log, task.name, steps=task.steps, step=step)
    pause = save_seconds
    first = step
    task.model.train()
    losses = _Losses(task, pace)
    loss_of = distributed.data_parallel(task.model, task.loss)
    with _signals() as asked:
        batch = task.batch(step) if step < task.steps else None
        while True:
            late = step % save_steps == 0 if save_steps else time.monotonic() - saved >= pause
            number, due = distributed.largest(asked(), late and step > first and distributed.rank() == 0)
            if number or due or batch is None:
                losses.read()
            cost["seconds"] = before + time.monotonic() - begun
            if number or due:
                started = time.monotonic()
                save_task(task, state, key, step, cost)
                saved = time.monotonic()
                pause = max(save_seconds, (saved - started) / SAVING_SHARE)
            if number:
                raise _stopped(task, step, number)
            if step in marks:
                cost.setdefault("marks", {})[str(step)] = {"steps": step} | {k: cost[k] for k in ("tokens", "seconds")}
            try:
                with pace.evaluation():
                    task.reached(step, lambda: _check(asked, losses))
            except Stopped as stop:
                save_task(task, state, key, step, cost)
                raise _stopped(task, step, stop.number) from None
            if batch is None:
                break
            task.noise.reseed(task.seed, step, distributed.rank())
            try:
                loss = loss_of(rank_split.part(batch, distributed.rank(), distributed.size()))
                loss.backward()
                loss = distributed.total(loss.detach())
                task.optimizer.step(step)
            except torch.OutOfMemoryError as error:
                raise UserError(
                    f"{task.name}: the memory of the GPU does not suffice for a batch of {batch.tokens} tokens; lower "
                    "`batch_size` or `max_length`"
                ) from error
            losses.add(step, loss, batch.tokens)
            cost["tokens"] += batch.tokens
            step += 1
            batch = task.batch(step) if step < task.steps else None  # packed while a GPU still computes
            time.sleep(rest)
    return cost


@contextmanager
def _signals() -> Iterator[Callable[[], int]]:
    """Note SIGTERM, SIGUSR1 and SIGINT while the block runs; yields a function that gives its number, or 0."""
    received = [0]

    def note(number: int, frame: FrameType | None) -> None:
        received[0] = number

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)}
    try:
        yield lambda: received[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Losses:
    """The loss of a step, checked and told when the next step has been queued, or when it is asked for."""

    def __init__(self, task: Task[Any], pace: ProgressLog) -> None:
        self.task, self.pace = task, pace
        self._last: tuple[int, AsyncScalar, int] | None = None

    def add(self, step: int, loss: Tensor, tokens: int) -> None:
        """Step ``step`` is queued, with this scalar as its loss; reads that of the step before."""
        coming = AsyncScalar(loss)
        self.read()
        self._last = step, coming, tokens

    def read(self) -> None:
        """Raises `UserError` where the last loss added is not finite."""
        if self._last is None:
            return
        step, coming, tokens = self._last
        self._last = None
        value, lr = coming.read(), self.task.optimizer.lr(step)
        if not math.isfinite(value):
            raise UserError(
                f"{self.task.name}: loss is {value} at step {step} of {self.task.steps} (learning rate {lr:.3g}); "
                "training diverged: lower `lr` or raise `warmup`"
            )
        self.pace.trained(step + 1, tokens, value, lr)


def _check(asked: Callable[[], int], losses: _Losses) -> None:
    """Before each piece of an evaluation."""
    losses.read()
    (number,) = distributed.largest(asked())
    if number:
        raise Stopped(number)
    losses.pace.evaluating()


def _stopped(task: Task[B], step: int, number: int) -> Stopped:
    log.warning("%s: %s, state saved at step %d; run again to go on", task.name, signal.Signals(number).name, step)
    return Stopped(number)
