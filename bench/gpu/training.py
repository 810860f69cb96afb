"""How the parts train: the variants of a training step, a classifier, one step by hand, a whole training, its time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import finetuning  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import numpy as np

import lengths
from bertfit.hugging_face import hf_encoder
from bertfit.model.packed_encoder import PackedEncoder
from bertfit.stages.evaluate import EvaluationSet
from bertfit.stages.finetuning import FinetuningTask
from bertfit.training import devices, loop, train_step
from bertfit.training.train_step import StepOptions
from gpu import timing
from gpu.report import Settings

KEY = "gpu-check"  # of the checkpoints
TEXTS, TEST_TEXTS = 240, 48
OPTIONS = {
    "eager": StepOptions(cuda_graphs=False, half_weights=False),
    "graphs": StepOptions(half_weights=False),
    "half_weights": StepOptions(),
}


def variants(settings: Settings) -> dict[str, StepOptions]:
    """Name -> options of the variants to run; on a CPU they are all one."""
    names = settings.variants if devices.default_device().type == "cuda" else ("eager",)
    return {name: OPTIONS[name] for name in names}


def classifier(encoder: str | PackedEncoder, steps: int, profile: str = "trec", **changes: Any) -> FinetuningTask:
    """A classifier on `TEXTS` texts with the lengths of a corpus, evaluated at the end; ``changes`` of its recipe.

    ``encoder`` is one, or the name of a shape of BERT.
    """
    device, ends = devices.default_device(), {"steps": steps, "evaluate_every": steps}
    recipe = finetuning.RECIPE.model_copy(update=ends | changes)
    data = lengths.corpus(profile, TEXTS)
    test = EvaluationSet(data, recipe, device, np.arange(TEST_TEXTS))
    if isinstance(encoder, str):
        encoder = hf_encoder.scratch(finetuning.ENCODERS[encoder], data.vocabulary_size, 1).encoder
    return FinetuningTask(recipe, 1, data, test, encoder, device)


def digest(task: FinetuningTask) -> str:
    """SHA-256 of the weights of a task, and of its test logits if it has ended."""
    found = hashlib.sha256()
    logits = [task.tensors["last"]] if "last" in task.tensors else []
    for tensor in (*task.model.state_dict().values(), *logits):
        found.update(tensor.detach().cpu().numpy().tobytes())
    return found.hexdigest()


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
