"""The plan of the paper's study before anything has run, and small loads."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from bertfit.experiments.registry import open_registry
from bertfit.experiments.summary_specs import PlannedStage, StudyPlan
from bertfit.plan import estimate
from bertfit.plan.device_speed import PerStep
from bertfit.plan.flops import Load
from bertfit.plan.measured_cost import StartCost
from bertfit.plan.plan_record import ArtefactPlan, JobSums, Plan, Speed, StudyTime
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT

NO_START = StartCost(planned_seconds=3.0, jobs=0, seconds=None, share=None)
RATES = Speed(
    operations_per_second=PerStep(finetune=1e12, evaluate=2e12, pretrain=4e12),
    step_seconds=PerStep(finetune=0.01, evaluate=0.02, pretrain=0.03),
    step_seconds_without_graphs=None,
    cuda_graphs=True,
    device_type="cuda",
    start=30.0,
    source="given",
)


@cache
def paper_jobs() -> PlanJobs:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BERTFIT_DATA", raising=False)
        registry = open_registry({"study": "paper"}, ROOT, ROOT / "no results")
    study = registry.settings.study.model_copy(update={"block": 1})  # a job of one seed is a run
    return PlanJobs(TrainingJobs(replace(registry, settings=replace(registry.settings, study=study))))


@cache
def paper_plan() -> StudyPlan:
    return paper_jobs().spec()


@cache
def averages() -> dict[str, float]:
    """Average lengths in Table 1 of the paper."""
    return estimate.averages(ROOT / "paper/published.csv")


def job(spec: StudyPlan, name: str) -> Any:
    return next(job for job in spec.jobs if job.name == name)


def load(sizes: Any) -> Load:
    """What an encoder reads: sequences of these lengths."""
    sizes = np.asarray(sizes, dtype=float)
    return Load(len(sizes), float(sizes.sum()), float((sizes**2).sum()))


def small_plan(done: int = 0, start: StartCost = NO_START) -> Plan:
    """Two jobs of one table, of which ``done`` took twice the hour that was planned for each, and an empty figure."""
    sums = JobSums(
        jobs=2, steps=1200, tokens=12_345.0, hours=2.0, bytes=10.0,
        done_jobs=done, done_planned_hours=1.0 * done, done_spent_hours=2.0 * done,
    )  # fmt: skip
    nothing = JobSums.model_validate(dict.fromkeys(JobSums.model_fields, 0))
    return Plan(
        study="tiny",
        speed=RATES,
        total=sums,
        time=StudyTime(hours=2.0, per_step_share=0.25, wall_hours={"1": 2.0, "8": 0.5}),
        without_graphs=None,
        jobs_per_gpu=1,
        artefacts={
            "table2": ArtefactPlan(number="Table 2", title="T", sums=sums, added_jobs=1, added_hours=0.5),
            "figure1": ArtefactPlan(number="Figure 1", title="F", sums=nothing, added_jobs=0, added_hours=0.0),
        },
        stages={"fine-tuning": PlannedStage(jobs=2, seconds=7.0)},
        disk_bytes={"runs": 1000.0, "tokens": 2000.0},
        start=start,
        assumptions=["a guess"],
        claims=[],
        spreads="",
        jobs=[],
    )
