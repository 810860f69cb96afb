"""What ``calibration.json`` holds, typed: the speed of a device, see `measure_speed`."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from bertfit.config.corpus_schema import Spec

N = TypeVar("N", int, float)


class PerStep(Spec, Generic[N]):
    """A number for each kind of step: training a run, evaluating a batch of it, pre-training."""

    finetune: N
    evaluate: N
    pretrain: N


class Calibration(Spec):
    """The device, CPU threads of a job, the encoder that was timed, and its batches; seconds until a job trains."""

    device: str
    device_type: Literal["cpu", "cuda"]
    threads: int
    size: str
    batch_sizes: PerStep[int]
    operations_per_second: PerStep[float]
    step_seconds: PerStep[float]
    """of a step beside its operations; on a GPU with CUDA graphs"""
    step_seconds_without_graphs: PerStep[float] | None = Field(...)
    """the same with every kernel launched by itself; None on a CPU"""
    start_seconds: float
