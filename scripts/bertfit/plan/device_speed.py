"""What ``calibration.json`` holds, typed: the speed of a device, see `measure_speed`."""

from __future__ import annotations

from typing import Generic, TypeVar

from bertfit.config.corpus_schema import Spec

N = TypeVar("N", int, float)


class PerStep(Spec, Generic[N]):
    """A number for each kind of step: training a run, evaluating it, pre-training."""

    finetune: N
    evaluate: N
    pretrain: N


class Calibration(Spec):
    """The device, CPU threads of a job, the encoder that was timed, and its batches; seconds until a job trains."""

    device: str
    threads: int
    size: str
    batch_sizes: PerStep[int]
    operations_per_second: PerStep[float]
    start_seconds: float
