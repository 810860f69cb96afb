"""The speed of a device: ``calibration.json``, typed, and how it is derived from timed steps of two sizes.

Needs no torch; `measure_speed` has the steps.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from bertfit.config.corpus_schema import Spec

BLOCK = 5  # steps between two readings of the clock, fewer where they are long
READINGS = 3  # at least, of which the median counts
LEAST_SHARE = 0.2  # of a full step, that its operations take at least: a smaller difference may be noise

Step = Callable[[int], None]
"""does the step of a number"""
Prepare = Callable[[int, bool], tuple[Step, float]]
"""(number of documents, short texts) -> a step on a batch of these, and the operations of one such step"""

N = TypeVar("N", int, float)


class PerStep(Spec, Generic[N]):
    """A number for each kind of step: training a run, evaluating a batch of it, pre-training."""

    finetune: N
    evaluate: N
    pretrain: N

    @classmethod
    def same(cls, value: N) -> PerStep[N]:
        """One number for all kinds."""
        return cls(finetune=value, evaluate=value, pretrain=value)


class DevicePower(Spec):
    """Watts of a device at work, a GPU with its share of the processor or a processor; their source, for readers."""

    watts: float
    source: str
    estimated: bool


class Calibration(Spec):
    """The device, CPU threads of a job, the encoder that was timed, and its batches; seconds until a job trains."""

    device: str
    device_type: Literal["cpu", "cuda"]
    threads: int
    size: str
    batch_sizes: PerStep[int]
    operations_per_second: PerStep[float]
    step_seconds: PerStep[float]
    """of a step beside its operations; on a GPU with CUDA graphs, unless --config cuda_graphs=no turned them off"""
    step_seconds_without_graphs: PerStep[float] | None
    """the same with every kernel launched by itself and no copies of weights, as in jobs on several GPUs, of BERT-Feat
    and of other families; None without CUDA graphs, where such jobs count with ``step_seconds``"""
    start_seconds: float
    versions: dict[str, str] = {}
    """as in ``run.json``: the speed depends on them"""
    power: DevicePower | None = None
    """while these steps were timed; None where it could not be read"""


@dataclass(frozen=True)
class Timing:
    """Median seconds of a step, and its operations."""

    seconds: float
    operations: float


@dataclass(frozen=True)
class StepCost:
    """A step takes ``step_seconds`` + its operations / ``operations_per_second``."""

    step_seconds: float
    operations_per_second: float


@dataclass(frozen=True)
class Timer:
    """Times steps within about ``budget`` seconds; ``wait`` returns when the device has done all steps."""

    budget: float
    wait: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic

    def batch_size(self, prepare: Prepare, largest: int) -> int:
        """``largest`` documents, or fewer if the budget would not be enough for eight such steps."""
        step, _ = prepare(1, False)
        step(0)  # the first step loads kernels
        return max(1, min(largest, int(self.budget / 8 / max(self._seconds(step, 1, 1), 1e-9))))

    def two_sizes(self, prepare: Prepare, documents: int) -> tuple[Timing, Timing]:
        """Steps on short texts, and on long ones, as many of both."""
        small, full = prepare(documents, True), prepare(documents, False)
        return self._timing(*small, budget=self.budget / 4), self._timing(*full, budget=self.budget / 2)

    def _timing(self, step: Step, operations: float, budget: float) -> Timing:
        step(0)
        began, first = self.clock(), self._seconds(step, 1, 1)
        block = max(1, min(BLOCK, int(budget / READINGS / max(first, 1e-9))))
        readings: list[float] = []
        while len(readings) < READINGS or self.clock() - began < budget:
            readings.append(self._seconds(step, 2 + block * len(readings), block) / block)
        return Timing(statistics.median(readings), operations)

    def _seconds(self, step: Step, first: int, count: int) -> float:
        """Of ``count`` steps from number ``first`` on."""
        self.wait()
        began = self.clock()
        for number in range(first, first + count):
            step(number)
        self.wait()
        return self.clock() - began


def fit(small: Timing, full: Timing) -> StepCost:
    """The line through both timings; through ``full`` alone where that would have a negative time or a noisy rate.

    Operations count with at least `LEAST_SHARE` of the full step: where the host takes all the time, steps of both
    sizes take equally long, and say no more of the rate.
    """
    operations = full.operations - small.operations
    if operations > 0:
        rate = operations / max(full.seconds - small.seconds, LEAST_SHARE * full.seconds)
        step_seconds = full.seconds - full.operations / rate
        if step_seconds > 0:
            return StepCost(step_seconds, rate)
    return StepCost(0.0, full.operations / full.seconds)


def step_seconds(small: Timing, full: Timing, operations_per_second: float) -> float:
    """The time per step at a known rate: the mean of both timings' rest, at least 0."""
    rests = [timing.seconds - timing.operations / operations_per_second for timing in (small, full)]
    return max(0.0, statistics.mean(rests))
