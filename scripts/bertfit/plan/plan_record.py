"""What ``plan.json`` holds, typed. Hours are those of one device, see `estimate`."""

from __future__ import annotations

from typing import Literal

from bertfit.batching import packing
from bertfit.config.corpus_schema import Spec
from bertfit.experiments.summary_specs import PlannedStage, TrainingStage
from bertfit.plan.device_speed import DevicePower, PerStep
from bertfit.plan.job_cost import Work
from bertfit.plan.measured_cost import Spent, StartCost
from bertfit.power.power_schema import ClaimPower


class Speed(Spec):
    """What the time of a job is counted with: seconds = start + steps * step_seconds + operations / rate."""

    operations_per_second: PerStep[float]
    step_seconds: PerStep[float]
    """of a step of training, or a batch of evaluation, beside its operations"""
    step_seconds_without_graphs: PerStep[float] | None
    """the same without CUDA graphs, where both were measured"""
    cuda_graphs: bool
    """whether ``step_seconds`` are those of steps with CUDA graphs"""
    device_type: Literal["cpu", "cuda"]
    start: float
    """seconds until a job trains"""
    source: str
    """where the numbers are from, for readers"""
    power: DevicePower | None = None
    """given or measured with the speed"""

    @property
    def batch_tokens(self) -> int:
        """Tokens of a batch of evaluation."""
        return packing.BATCH_TOKENS[self.device_type]

    def operation_seconds(self, work: Work) -> float:
        """Seconds of a job's operations on one device."""
        rates = self.operations_per_second
        return work.train / rates.finetune + work.evaluate / rates.evaluate + work.pretrain / rates.pretrain

    def per_step_seconds(self, work: Work) -> float:
        """Seconds of a job's steps and batches of evaluation beside their operations, on any number of devices."""
        slower = None if work.cuda_graphs else self.step_seconds_without_graphs
        times = slower or self.step_seconds
        step = times.pretrain if work.pretrain else times.finetune
        batches = max(work.evaluations, work.evaluated / self.batch_tokens)
        return work.relative_depth * (work.steps * step + batches * self.step_seconds.evaluate)

    def seconds(self, work: Work) -> float:
        """Seconds of a job on one device."""
        return self.start + self.per_step_seconds(work) + self.operation_seconds(work)

    def without_graphs(self) -> Speed | None:
        """The speed without CUDA graphs; None where it was not measured."""
        if self.step_seconds_without_graphs is None:
            return None
        return self.model_copy(
            update={
                "step_seconds": self.step_seconds_without_graphs,
                "step_seconds_without_graphs": None,
                "cuda_graphs": False,
            }
        )


class JobSums(Spec):
    """Jobs together: what is planned for them, and for those that are done planned and spent hours."""

    jobs: int
    steps: int
    tokens: float
    hours: float
    bytes: float
    """of predictions and encoders"""
    done_jobs: int
    done_planned_hours: float
    done_spent_hours: float
    kwh: float | None = None
    """planned; None where no power is known"""
    done_planned_kwh: float | None = None
    done_spent_kwh: float | None = None
    """None unless the energy of all jobs that are done is known"""


class ArtefactPlan(Spec):
    """A table or figure: ``sums`` over all jobs that it needs; ``added``: those that no artefact before it needs."""

    number: str
    title: str
    sums: JobSums
    added_jobs: int
    added_hours: float


class JobPlan(Spec):
    """A training job; ``needs``: names of jobs; ``seconds`` are planned, ``spent`` is None unless it is done."""

    name: str
    kind: str
    needs: list[str]
    steps: int
    tokens: float
    bytes: float
    """of predictions or the encoder"""
    gpus: int
    """that it asks for, if the machine has as many"""
    seconds: float
    """on one device"""
    per_step_seconds: float
    """of ``seconds``: those that no faster multiplication shortens"""
    spent: Spent | None
    kwh: float | None = None
    """planned, of its ``seconds`` without those until it trains; None where no power is known"""


class StudyTime(Spec):
    """Time of all jobs."""

    hours: float
    """of one device"""
    per_step_share: float
    """of the hours: time per step beside the operations"""
    wall_hours: dict[str, float]
    """number of devices -> hours until all jobs are done"""


class Plan(Spec):
    """The plan of a study."""

    study: str
    version: str = ""
    """of bertfit, whose counts of operations and start-up these are; empty in plans before 0.2.0"""
    speed: Speed
    total: JobSums
    time: StudyTime
    without_graphs: StudyTime | None
    """the same without CUDA graphs, where both were measured"""
    jobs_per_gpu: int
    power: DevicePower | None = None
    """that the energy is planned with"""
    artefacts: dict[str, ArtefactPlan]
    stages: dict[TrainingStage, PlannedStage]
    disk_bytes: dict[str, float]
    """by folder"""
    start: StartCost
    assumptions: list[str]
    claims: list[ClaimPower]
    """of the whole study; empty for a part of it"""
    spreads: str
    """on which spreads the power of the claims rests"""
    jobs: list[JobPlan]
