"""The plan of a study, by artefact: jobs, hours and disk before anything expensive runs, then measured costs.

Hours are those of one device (a GPU, or the CPU threads of a job). A job that several artefacts need counts in each of
them alone, once in the total.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.core.pydantic_errors import from_json
from bertfit.experiments.summary_specs import PlannedArtefact, PlannedJob, PlannedStage, StudyPlan, TrainingStage
from bertfit.plan import disk_usage, measured_cost, plan_page
from bertfit.plan.device_speed import Calibration
from bertfit.plan.job_cost import StudySizes, Work
from bertfit.plan.measured_cost import Spent
from bertfit.plan.plan_record import ArtefactPlan, JobPlan, JobSums, Plan, Speed

DEVICES = (1, 2, 4, 8)
STAGES: dict[str, TrainingStage] = {
    "pretrain": "pre-training",
    "multitask": "multi-task fine-tuning",
    "train_on_features": "features",
    "finetune": "fine-tuning",
    "baseline": "baseline",
}
"""kind of a job -> its stage"""

GIVEN_START = 20.0  # seconds until a job trains, where the speed was given and not measured


def read_calibration(path: Path) -> Calibration:
    """Read ``calibration.json``. Raises `UserError` where it is damaged."""
    try:
        return from_json(Calibration, files.read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not the speed of a device ({error}); delete it and run again") from error


def speed(calibration: Calibration | None, throughput: float | None) -> Speed:
    """The speed that was measured, or ``throughput`` (10**12 operations a second) for everything."""
    if throughput is not None:
        rate = 1e12 * throughput
        source = f"given: {throughput:g} TFLOP/s"
        return Speed(finetune=rate, evaluate=rate, pretrain=rate, start=GIVEN_START, source=source)
    assert calibration is not None
    rates = calibration.operations_per_second
    source = f"measured on {calibration.device} with {calibration.threads} threads, {calibration.size}"
    return Speed(
        finetune=rates.finetune,
        evaluate=rates.evaluate,
        pretrain=rates.pretrain,
        start=calibration.start_seconds,
        source=source,
    )


def write(spec: StudyPlan, *, throughput: float | None, calibration: Path | None, published: Path, folder: Path) -> str:
    """Write ``plan.json`` and ``plan.md`` (or what ``file`` of the spec says) into ``folder``; returns the page.

    ``calibration`` is the result of `measure_speed.measure`, not read if ``throughput`` (10**12 operations a second) is
    given. ``published`` holds the average lengths of Table 1.
    """
    rates = speed(read_calibration(calibration) if calibration else None, throughput)
    plan = build(spec, _averages(published), rates)
    page = plan_page.markdown(plan)
    files.write_json(folder / f"{spec.file}.json", plan.model_dump())
    files.write_text(folder / f"{spec.file}.md", page)
    return page


def build(spec: StudyPlan, averages: Mapping[str, float], rates: Speed) -> Plan:
    """The plan. ``spec`` is that of `plan_jobs.PlanJobs.spec`, ``averages`` lengths by name in Table 1.

    It also says what jobs that are done took, where they left a run.json.
    """
    sizes = StudySizes(spec, averages)
    works = {job.name: sizes.work(job) for job in spec.jobs}
    spent = measured_cost.spent(spec.jobs, Path(spec.root))
    jobs = [_job(job, works[job.name], rates, spent.get(job.name)) for job in spec.jobs]
    seconds = {job.name: job.seconds for job in jobs}
    needs = {job.name: job.needs for job in jobs}
    return Plan(
        study=spec.study,
        speed=rates,
        total=_sums(jobs),
        wall_hours={str(devices): makespan(seconds, needs, devices) / 3600 for devices in DEVICES},
        artefacts=_artefacts(spec.artefacts, jobs),
        stages=_stages(jobs, rates.start),
        disk_bytes=disk_usage.estimate(spec, sizes, works),
        start=measured_cost.start(spent, rates.start),
        assumptions=list(sizes.notes),
        jobs=jobs,
    )


def _job(job: PlannedJob, work: Work, rates: Speed, spent: Spent | None) -> JobPlan:
    return JobPlan(
        name=job.name,
        kind=job.kind,
        needs=job.needs,
        steps=work.steps,
        tokens=work.tokens,
        bytes=work.bytes,
        seconds=rates.seconds(work),
        spent=spent,
    )


def _artefacts(artefacts: Mapping[str, PlannedArtefact], jobs: Iterable[JobPlan]) -> dict[str, ArtefactPlan]:
    by_name = {job.name: job for job in jobs}
    needs = {name: job.needs for name, job in by_name.items()}
    plans: dict[str, ArtefactPlan] = {}
    counted: set[str] = set()
    for key, artefact in artefacts.items():
        names = closure(artefact.jobs, needs)
        added = [by_name[name] for name in names if name not in counted]
        counted |= set(names)
        plans[key] = ArtefactPlan(
            number=artefact.number,
            title=artefact.title,
            sums=_sums([by_name[name] for name in names]),
            added_jobs=len(added),
            added_hours=_hours(added),
        )
    return plans


def _stages(jobs: Iterable[JobPlan], start: float) -> dict[TrainingStage, PlannedStage]:
    """Jobs by stage, in the order of `STAGES`; their seconds are without the ``start`` of each."""
    seconds: dict[TrainingStage, list[float]] = {stage: [] for stage in STAGES.values()}
    for job in jobs:
        seconds[STAGES[job.kind]].append(job.seconds - start)
    return {stage: PlannedStage(jobs=len(times), seconds=sum(times)) for stage, times in seconds.items() if times}


def _averages(published: Path) -> dict[str, float]:
    """Name in Table 1 -> average length in word pieces."""
    with open(published, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["artefact"] == "table1"]
    return {row["row"]: float(row["value"]) for row in rows if row["column"] == "Average lengths"}


def closure(jobs: Iterable[str], needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Jobs with all that they need, those needed first."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for needed in needs[name]:
                add(needed)
            ordered[name] = None

    for name in jobs:
        add(name)
    return list(ordered)


def makespan(seconds: Mapping[str, float], needs: Mapping[str, Iterable[str]], devices: int) -> float:
    """Seconds until all jobs are done on ``devices``: list scheduling, the job with the longest critical path first."""
    successors: dict[str, list[str]] = {name: [] for name in seconds}
    waiting = {name: 0 for name in seconds}
    for name in seconds:
        for needed in needs[name]:
            successors[needed].append(name)
            waiting[name] += 1
    path: dict[str, float] = {}  # seconds from the start of a job to the end of the last one that depends on it
    for name in reversed(closure(seconds, needs)):
        path[name] = seconds[name] + max((path[successor] for successor in successors[name]), default=0.0)
    ready = [(-path[name], name) for name in seconds if not waiting[name]]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < devices:
            _, name = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[name], name))
        now, done = heapq.heappop(running)
        for successor in successors[done]:
            waiting[successor] -= 1
            if not waiting[successor]:
                heapq.heappush(ready, (-path[successor], successor))
    return now


def _hours(jobs: Iterable[JobPlan]) -> float:
    """Planned hours of one device."""
    return sum(job.seconds for job in jobs) / 3600


def _sums(jobs: Sequence[JobPlan]) -> JobSums:
    spent = [job.spent for job in jobs if job.spent]
    return JobSums(
        jobs=len(jobs),
        steps=sum(job.steps for job in jobs),
        tokens=sum(job.tokens for job in jobs),
        hours=_hours(jobs),
        bytes=sum(job.bytes for job in jobs),
        done_jobs=len(spent),
        done_planned_hours=_hours(job for job in jobs if job.spent),
        done_spent_hours=sum(cost.whole for cost in spent) / 3600,
    )
