"""How the parts train: the variants of a training step, one step by hand, a whole training, its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from bertfit.training import devices, loop, train_step
from bertfit.training.train_step import StepOptions
from gpu import timing
from gpu.report import Settings

KEY = "gpu-check"  # of the checkpoints
OPTIONS = {
    "eager": StepOptions(cuda_graphs=False, half_weights=False),
    "graphs": StepOptions(half_weights=False),
    "half_weights": StepOptions(),
}


def variants(settings: Settings) -> dict[str, StepOptions]:
    """Name -> options of the variants to run; on a CPU they are all one."""
    names = settings.variants if devices.default_device().type == "cuda" else ("eager",)
    return {name: OPTIONS[name] for name in names}


def step_function(task: Any, options: StepOptions) -> Callable[[int, Any], None]:
    """A function of (number of the step, batch) that does one update of ``task``."""
    step = train_step.create(task, options)

    def update(number: int, batch: Any) -> None:
        _, sums = step(number, batch)
        task.record(sums)

    return update


class Timed(NamedTuple):
    """The steps of a training after those that do not count."""

    seconds: float
    """until the GPU is done"""
    host_seconds: float
    """until the host had queued the last step"""
    tokens: int
    """as the loop counts them"""


def trained(task: Any, checkpoint: Path, options: StepOptions, *, marks: Collection[int] = ()) -> dict[str, Any]:
    """Train ``task`` in the project's loop, resuming from ``checkpoint`` if it is there; returns the loop's cost.

    A checkpoint is written only where a signal or the environment variable `loop.SAVE_STEPS` asks for it.
    """
    return loop.run(task, checkpoint, KEY, marks=marks, save_seconds=float("inf"), options=options)


def timed(task: Any, checkpoint: Path, options: StepOptions, *, warmup: int) -> Timed:
    """Train ``task`` from its first step to its last; the first ``warmup`` steps do not count."""
    times: dict[int, tuple[float, float]] = {}
    reached = task.reached

    def clocked(step: int, check: Callable[[], None]) -> None:
        if step in (warmup, task.steps):
            times[step] = time.perf_counter(), timing.now()
        reached(step, check)

    task.reached = clocked
    cost = trained(task, checkpoint, options, marks=(warmup,))
    (_, began), (queued, ended) = times[warmup], times[task.steps]
    return Timed(ended - began, queued - began, cost["tokens"] - cost["marks"][str(warmup)]["tokens"])
