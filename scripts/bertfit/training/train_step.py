"""One update of the weights: forward pass, backward pass, clipping and optimiser, as they are or as a CUDA graph.

A step of BERT is more than a thousand kernels, and launching them takes a host longer than a current GPU needs to
compute them. `GraphedStep` records the kernels of a whole step once for each size of batch and launches them together
from then on. Batches are padded to a few common sizes (`model_inputs`); the learning rate and the inputs are copied to
fixed places before each launch, and dropout is seeded before it, so that it stays a function of (seed, step).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Generic

import torch
from torch import Tensor

from bertfit.batching import model_inputs
from bertfit.batching.model_inputs import RowInputs
from bertfit.batching.transfer import to_device
from bertfit.training import distributed
from bertfit.training.task import B, Task

Result = tuple[Tensor, Tensor]
"""Loss of the batch (or what a rank's part of it adds), and what the task records of it; neither has a gradient."""
Replay = Callable[[], Result]
Recorder = Callable[[Replay, Callable[[], None]], Replay]
"""(step, warm-up) -> what repeats the step"""


@dataclass(frozen=True)
class StepOptions:
    """How steps are computed on a GPU: the same up to rounding, and the draws of dropout."""

    cuda_graphs: bool = True
    """Launch each step as one CUDA graph, where the task and the GPU allow it."""
    half_weights: bool = True
    """Compute with bfloat16 copies of the weights (see `half_weights`) and update both at once (see `fused_update`)."""

    def __str__(self) -> str:
        """For readers."""
        parts = {"CUDA graph": self.cuda_graphs, "bfloat16 copies of weights": self.half_weights}
        return " with ".join(part for part, on in parts.items() if on) or "kernel by kernel"

    @classmethod
    def of(cls, resources: Mapping[str, Any]) -> StepOptions:
        """From the resources of a job."""
        return cls(**{each.name: bool(resources.get(each.name, each.default)) for each in fields(cls)})


Step = Callable[[int, B], Result]
"""(number of the update from 0, batch) -> its result, which the next step overwrites."""


NONE = StepOptions(cuda_graphs=False, half_weights=False)


def supported(task: Task[Any], options: StepOptions) -> StepOptions:
    """Those of ``options`` that the task has on its device, in one process or several."""
    return options if task.can_be_padded and distributed.size() == 1 else NONE


def create(task: Task[B], options: StepOptions) -> Step[B]:
    """The step of a task, with those of ``options`` that are `supported`.

    To be called when the weights have been restored, as they are copied for ``half_weights``.
    """
    options = supported(task, options)
    if options.half_weights and not task.optimizer.has_copies:
        from bertfit.model import half_weights

        triton = find_spec("triton") is not None  # builds of torch for some systems lack it
        task.optimizer.use_copies(half_weights.install(task.model), fused=triton)
    return GraphedStep(task) if options.cuda_graphs else EagerStep(task)


class EagerStep(Generic[B]):
    """Launches every kernel by itself; with several ranks it sums the gradients over them."""

    def __init__(self, task: Task[B]) -> None:
        self._task = task
        self._loss = distributed.data_parallel(task.model, task.loss)

    def __call__(self, number: int, batch: B, /) -> Result:
        """Update the weights."""
        task = self._task
        task.noise.reseed(task.seed, number, distributed.rank())
        loss, sums = self._loss(task.inputs(batch))
        loss.backward()
        task.optimizer.step(number)
        return loss.detach(), sums


class GraphedStep(Generic[B]):
    """Launches each step as a CUDA graph, recorded at the first batch of a size."""

    def __init__(self, task: Task[B], record: Recorder | None = None) -> None:
        """``record`` turns a function into its replay, by default a `CudaGraphs`."""
        self._task = task
        self._record = record or CudaGraphs()
        self._graphs: dict[tuple[object, ...], tuple[Tensor, Replay]] = {}

    def __call__(self, number: int, batch: B, /) -> Result:
        """Update the weights."""
        task = self._task
        inputs = task.padded(batch)
        task.optimizer.set_rates(number)
        values = to_device(model_inputs.flat(inputs), task.device)
        key = (inputs.sizes, task.optimizer.held)  # a graph updates what was not held when it was recorded
        if key not in self._graphs:
            self._graphs[key] = self._graph(inputs, values.clone())
        place, replay = self._graphs[key]
        place.copy_(values)
        task.noise.reseed(task.seed, number)
        return replay()

    def _graph(self, inputs: RowInputs[Any], place: Tensor) -> tuple[Tensor, Replay]:
        """A graph that reads its inputs from ``place``, whose values are valid ones."""
        task, fixed = self._task, model_inputs.split(inputs, place)

        def compute() -> Result:
            loss, sums = task.loss(fixed)
            loss.backward()
            return loss.detach(), sums

        def warm_up() -> None:
            compute()
            task.optimizer.prepare()
            task.optimizer.zero_grad()

        def step() -> Result:
            result = compute()
            task.optimizer.update()
            return result

        replay = self._record(step, warm_up)
        task.optimizer.recorded()
        return place, replay


class CudaGraphs:
    """Records functions as CUDA graphs that share their memory, as they never run at the same time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = _stream()

    def __call__(self, step: Callable[[], Result], warm_up: Callable[[], None]) -> Replay:
        """A function that repeats the kernels of ``step``. ``warm_up`` launches kernels like those of ``step``.

        Kernels are loaded and libraries initialised by the first, which must not happen while a graph is recorded.
        """
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            warm_up()
        torch.cuda.current_stream().wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            result = step()

        def replay() -> Result:
            graph.replay()
            return result

        return replay


@lru_cache(maxsize=1)
def _stream() -> torch.cuda.Stream:
    """The stream on which graphs are recorded: one for a process, as libraries keep a workspace for each."""
    return torch.cuda.Stream()
