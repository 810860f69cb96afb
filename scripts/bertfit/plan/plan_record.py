"""What ``plan.json`` holds, typed. Hours are those of one device, see `estimate`."""

from __future__ import annotations

from bertfit.config.corpus_schema import Spec
from bertfit.experiments.summary_specs import PlannedStage, TrainingStage
from bertfit.plan.job_cost import Work
from bertfit.plan.measured_cost import Spent, StartCost


class Speed(Spec):
    """Operations a second of training and evaluating runs and of pre-training; seconds until a job trains."""

    finetune: float
    evaluate: float
    pretrain: float
    start: float
    source: str
    """where the numbers are from, for readers"""

    def seconds(self, work: Work) -> float:
        """Seconds of a job."""
        training = work.train / self.finetune + work.evaluate / self.evaluate + work.pretrain / self.pretrain
        return self.start + training


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
    seconds: float
    spent: Spent | None


class Plan(Spec):
    """The plan of a study."""

    study: str
    speed: Speed
    total: JobSums
    wall_hours: dict[str, float]
    """number of devices -> hours until all jobs are done"""
    artefacts: dict[str, ArtefactPlan]
    stages: dict[TrainingStage, PlannedStage]
    disk_bytes: dict[str, float]
    """by folder"""
    start: StartCost
    assumptions: list[str]
    jobs: list[JobPlan]
