"""The plan of a study, by artefact: jobs, hours and disk before anything expensive runs, then measured costs.

Hours are those of one device (a GPU, or the CPU threads of a job). A job that several artefacts need counts in each of
them alone, once in the total.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Iterable, Mapping
from pathlib import Path

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.core.pydantic_errors import from_json
from bertfit.experiments.summary_specs import PlannedStage, StudyPlan
from bertfit.plan import disk_usage, measured_cost, plan_page
from bertfit.plan.device_speed import Calibration
from bertfit.plan.job_cost import StudySizes, Work
from bertfit.plan.measured_cost import Spent
from bertfit.plan.plan_record import ArtefactPlan, JobPlan, JobSums, Plan, Speed

DEVICES = (1, 2, 4, 8)
STAGES = {
    "pretrain": "pre-training",
    "multitask": "multi-task fine-tuning",
    "train_on_features": "features",
    "finetune": "fine-tuning",
    "baseline": "baseline",
}


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
        return Speed(rate, rate, rate, GIVEN_START, f"given: {throughput:g} TFLOP/s")
    assert calibration is not None
    rates = calibration.operations_per_second
    source = f"measured on {calibration.device} with {calibration.threads} threads, {calibration.size}"
    return Speed(rates.finetune, rates.evaluate, rates.pretrain, calibration.start_seconds, source)


def write(spec: StudyPlan, *, throughput: float | None, calibration: Path | None, published: Path, folder: Path) -> str:
    """Write ``plan.json`` and ``plan.md`` (or what ``file`` of the spec says) into ``folder``; returns the page.

    ``calibration`` is the result of `measure_speed.measure`, not read if ``throughput`` (10**12 operations a second) is
    given. ``published`` holds the average lengths of Table 1.
    """
    rates = speed(read_calibration(calibration) if calibration else None, throughput)
    plan = build(spec, _averages(published), rates)
    page = plan_page.markdown(plan)
    files.write_json(folder / f"{spec.file}.json", plan.to_json())
    files.write_text(folder / f"{spec.file}.md", page)
    return page


def build(spec: StudyPlan, averages: Mapping[str, float], rates: Speed) -> Plan:
    """The plan. ``spec`` is that of `plan_jobs.PlanJobs.spec`, ``averages`` lengths by name in Table 1.

    It also says what jobs that are done took, where they left a run.json.
    """
    sizes = StudySizes(spec, averages)
    works = {job.name: sizes.work(job) for job in spec.jobs}
    seconds = {name: rates.seconds(work) for name, work in works.items()}
    needs = {job.name: job.needs for job in spec.jobs}
    spent = measured_cost.spent(spec.jobs, Path(spec.root))
    jobs = [
        JobPlan(
            name=job.name,
            kind=job.kind,
            needs=job.needs,
            steps=works[job.name].steps,
            tokens=works[job.name].tokens,
            seconds=seconds[job.name],
            spent=spent.get(job.name),
        )
        for job in spec.jobs
    ]
    return Plan(
        study=spec.study,
        speed=rates,
        total=_sums(list(works), works, seconds, spent),
        wall_hours={str(devices): makespan(seconds, needs, devices) / 3600 for devices in DEVICES},
        artefacts=_artefacts(spec, works, seconds, spent),
        stages=_stages(jobs, rates.start),
        disk_bytes=disk_usage.estimate(spec, sizes, works),
        start=measured_cost.start(spent, rates.start),
        assumptions=list(sizes.notes),
        jobs=jobs,
    )


def _artefacts(
    spec: StudyPlan, works: Mapping[str, Work], seconds: Mapping[str, float], spent: Mapping[str, Spent]
) -> dict[str, ArtefactPlan]:
    needs = {job.name: job.needs for job in spec.jobs}
    artefacts: dict[str, ArtefactPlan] = {}
    counted: set[str] = set()
    for key, artefact in spec.artefacts.items():
        jobs = closure(artefact.jobs, needs)
        added = [name for name in jobs if name not in counted]
        counted |= set(jobs)
        sums = _sums(jobs, works, seconds, spent)
        artefacts[key] = ArtefactPlan(artefact.number, artefact.title, sums, len(added), _hours(added, seconds))
    return artefacts


def _stages(jobs: Iterable[JobPlan], start: float) -> dict[str, PlannedStage]:
    """Jobs by stage, in the order of `STAGES`; their seconds are without the ``start`` of each."""
    seconds: dict[str, list[float]] = {stage: [] for stage in STAGES.values()}
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


def _hours(jobs: Iterable[str], seconds: Mapping[str, float]) -> float:
    return sum(seconds[name] for name in jobs) / 3600


def _sums(
    jobs: list[str], works: Mapping[str, Work], seconds: Mapping[str, float], spent: Mapping[str, Spent]
) -> JobSums:
    """Jobs together: what is planned for them, and for those that are done planned and spent hours."""
    done = [name for name in jobs if name in spent]
    return JobSums(
        jobs=len(jobs),
        steps=sum(works[name].steps for name in jobs),
        tokens=sum(works[name].tokens for name in jobs),
        hours=_hours(jobs, seconds),
        bytes=sum(works[name].bytes for name in jobs),
        done_jobs=len(done),
        done_planned_hours=_hours(done, seconds),
        done_spent_hours=sum(spent[name].whole for name in done) / 3600,
    )
