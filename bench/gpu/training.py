"""How the parts train: the variants of a training step, one step by hand, a whole training, its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bertfit.training import loop
from gpu import timing

KEY = "gpu-check"  # of the checkpoints
Options = Mapping[str, bool]
VARIANTS: dict[str, Options] = {
    "eager": {"cuda_graphs": False, "compile": False},
    "CUDA graphs": {"cuda_graphs": True, "compile": False},
    "CUDA graphs, compiled layers": {"cuda_graphs": True, "compile": True},
}


def variants() -> dict[str, Options]:
    """The `VARIANTS` that the training offers on this device."""
    return {"eager": VARIANTS["eager"]}


def step_function(task: Any, options: Options) -> Callable[[int, Any], torch.Tensor]:
    """A function of (number of the step, batch) that does one update of ``task`` and returns its loss."""

    def step(number: int, batch: Any) -> torch.Tensor:
        task.noise.reseed(task.seed, number)
        loss: torch.Tensor = task.loss(batch)
        loss.backward()
        task.optimizer.step(number)
        return loss.detach()

    return step


class Timed(NamedTuple):
    """The steps of a training after those that do not count."""

    seconds: float
    """until the GPU is done"""
    host_seconds: float
    """until the host had queued the last step"""
    tokens: int
    """as the loop counts them"""


def trained(task: Any, checkpoint: Path, options: Options, *, marks: Collection[int] = ()) -> dict[str, Any]:
    """Train ``task`` in the project's loop, resuming from ``checkpoint`` if it is there; returns the loop's cost.

    A checkpoint is written only where a signal or the environment variable `loop.SAVE_STEPS` asks for it.
    """
    return loop.run(task, checkpoint, KEY, marks=marks, save_seconds=float("inf"))


def timed(task: Any, checkpoint: Path, options: Options, *, warmup: int) -> Timed:
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
