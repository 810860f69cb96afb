"""The plan of a study, by artefact: jobs, hours and disk before anything expensive runs, then measured costs.

Hours are those of one device (a GPU, or the CPU threads of a job). A job that several artefacts need counts in each of
them alone, once in the total.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bertfit import __version__
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.core.pydantic_errors import from_json
from bertfit.energy.energy_use import JOULES, together
from bertfit.experiments.summary_specs import (
    PlannedArtefact,
    PlannedBaseline,
    PlannedJob,
    PlannedStage,
    StudyPlan,
    TrainingStage,
)  # fmt: skip
from bertfit.plan import disk_usage, measured_cost, plan_page, schedule
from bertfit.plan.device_speed import Calibration, DevicePower, PerStep
from bertfit.plan.job_cost import StudySizes, Work
from bertfit.plan.measured_cost import Spent
from bertfit.plan.plan_record import ArtefactPlan, JobPlan, JobSums, Plan, Speed, StudyTime
from bertfit.plan.schedule import ScheduledJob
from bertfit.power import claim_power
from bertfit.power.power_schema import ClaimPower, PowerSpec

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


def speed(
    calibration: Calibration | None,
    throughput: float | None,
    step_ms: float | None = None,
    *,
    cuda_graphs: bool = True,
    watts: float | None = None,
) -> Speed:
    """The speed and power that were measured, or for every kind of step the given speed, and the given ``watts``.

    ``throughput``: 10**12 operations a second; ``step_ms``: milliseconds of a step beside its operations, default 0.
    Without ``cuda_graphs`` all jobs count with the time per step without them, where both were measured.
    """
    power = None if watts is None else DevicePower(watts=watts, source=measured_cost.GIVEN, estimated=True)
    if throughput is not None:
        step = 0.0 if step_ms is None else step_ms
        return Speed(
            operations_per_second=PerStep[float].same(1e12 * throughput),
            step_seconds=PerStep[float].same(step / 1000),
            step_seconds_without_graphs=None,
            cuda_graphs=cuda_graphs,
            device_type="cuda",
            start=GIVEN_START,
            source="given",
            power=power,
        )
    assert calibration is not None
    measured = Speed(
        operations_per_second=calibration.operations_per_second,
        step_seconds=calibration.step_seconds,
        step_seconds_without_graphs=calibration.step_seconds_without_graphs,
        cuda_graphs=calibration.step_seconds_without_graphs is not None,
        device_type=calibration.device_type,
        start=calibration.start_seconds,
        source=f"measured on {calibration.device} with {calibration.threads} threads, {calibration.size}",
        power=power or calibration.power,
    )
    return measured if cuda_graphs else measured.without_graphs() or measured


def write(
    spec: StudyPlan,
    power: PowerSpec,
    *,
    throughput: float | None,
    step_ms: float | None,
    cuda_graphs: bool,
    calibration: Path | None,
    published: Path,
    spreads: Path,
    folder: Path,
    watts: float | None = None,
) -> str:
    """Write ``plan.json`` and ``plan.md`` (or what ``file`` of the spec says) into ``folder``; returns the page.

    ``throughput``, ``step_ms``, ``cuda_graphs`` and ``watts`` are those of `speed`. ``calibration`` is the result of
    `measure_speed.measure`; None if ``throughput`` is given. ``published`` holds the paper's errors and the average
    lengths of Table 1, ``spreads`` how far trainings vary (`claim_power.compute`).
    """
    measured = read_calibration(calibration) if calibration else None
    rates = speed(measured, throughput, step_ms, cuda_graphs=cuda_graphs, watts=watts)
    plan = build(spec, averages(published), rates, *claim_power.compute(power, published, spreads))
    page = plan_page.markdown(plan)
    files.write_json(folder / f"{spec.file}.json", plan.model_dump())
    files.write_text(folder / f"{spec.file}.md", page)
    return page


def build(
    spec: StudyPlan,
    averages: Mapping[str, float],
    rates: Speed,
    claims: Sequence[ClaimPower] = (),
    spreads: str = "",
) -> Plan:
    """The plan; it also says what jobs that are done took, where they left a run.json.

    ``spec`` is that of `plan_jobs.PlanJobs.spec`, ``averages`` lengths by name in Table 1, ``claims`` and ``spreads``
    the result of `claim_power.compute`.
    """
    sizes = StudySizes(spec, averages)
    works = {job.name: sizes.work(job) for job in spec.jobs}
    if rates.device_type == "cpu":
        spec = spec.model_copy(update={"jobs_per_gpu": 1})
    gpus = {job.name: _gpus(job, spec, rates) for job in spec.jobs}
    spent = measured_cost.spent(spec.jobs, Path(spec.root))
    power = measured_cost.power(spent.values(), rates.device_type, rates.power)
    jobs = [_job(job, works[job.name], gpus[job.name], rates, spent.get(job.name), power) for job in spec.jobs]
    slower = rates.without_graphs()
    return Plan(
        study=spec.study,
        version=__version__,
        speed=rates,
        total=_sums(jobs),
        time=_time(spec, works, gpus, rates),
        without_graphs=_time(spec, works, gpus, slower) if slower else None,
        jobs_per_gpu=spec.jobs_per_gpu,
        power=power,
        artefacts=_artefacts(spec.artefacts, jobs),
        stages=_stages(jobs, rates.start),
        disk_bytes=disk_usage.estimate(spec, sizes, works),
        start=measured_cost.start(spent, rates.start),
        assumptions=[*_one_step_time(works, gpus, rates), *_sharing(spec, gpus.values()), *sizes.notes],
        claims=list(claims),
        spreads=spreads,
        jobs=jobs,
    )


def _gpus(job: PlannedJob, spec: StudyPlan, rates: Speed) -> int:
    """GPUs that a job asks for; the baseline and BERT-Feat, and all jobs on a CPU, have one device."""
    if rates.device_type == "cpu" or isinstance(job, PlannedBaseline) or job.kind == "train_on_features":
        return 1
    return spec.gpus[job.base]


def _job(
    job: PlannedJob, work: Work, gpus: int, rates: Speed, spent: Spent | None, power: DevicePower | None
) -> JobPlan:
    return JobPlan(
        name=job.name,
        kind=job.kind,
        needs=job.needs,
        steps=work.steps,
        tokens=work.tokens,
        bytes=work.bytes,
        gpus=gpus,
        seconds=rates.seconds(work),
        kwh=power.watts * (rates.seconds(work) - rates.start) / JOULES if power else None,
        per_step_seconds=rates.per_step_seconds(work),
        spent=spent,
    )


def _time(spec: StudyPlan, works: Mapping[str, Work], gpus: Mapping[str, int], rates: Speed) -> StudyTime:
    """Time of all jobs at a speed."""
    seconds = sum(map(rates.seconds, works.values()))
    per_step = sum(map(rates.per_step_seconds, works.values()))
    needs = {job.name: job.needs for job in spec.jobs}

    def wall_hours(devices: int) -> float:
        jobs = {
            name: scheduled(work, needs[name], rates, gpus=min(gpus[name], devices), jobs_per_gpu=spec.jobs_per_gpu)
            for name, work in works.items()
        }
        return schedule.makespan(jobs, devices * spec.jobs_per_gpu) / 3600

    return StudyTime(
        hours=seconds / 3600,
        per_step_share=per_step / seconds if seconds else 0.0,
        wall_hours={str(devices): wall_hours(devices) for devices in DEVICES},
    )


def scheduled(work: Work, needs: list[str], rates: Speed, *, gpus: int, jobs_per_gpu: int) -> ScheduledJob:
    """A job on machines whose GPUs have ``jobs_per_gpu`` slots.

    Several GPUs divide its operations; its time per step remains, and is that without CUDA graphs. On a shared GPU its
    operations wait for those of all other jobs, its time per step passes beside theirs: an upper bound, as the GPU may
    have free slots.
    """
    shares = 1 / gpus if gpus > 1 else jobs_per_gpu
    if gpus > 1:
        work = replace(work, cuda_graphs=False)
    seconds = rates.start + rates.per_step_seconds(work) + shares * rates.operation_seconds(work)
    return ScheduledJob(seconds, needs, slots=gpus * jobs_per_gpu if gpus > 1 else 1)


def _one_step_time(works: Mapping[str, Work], gpus: Mapping[str, int], rates: Speed) -> list[str]:
    """What is assumed of jobs without CUDA graphs, where the time per step was given."""
    measured = not rates.cuda_graphs or rates.step_seconds_without_graphs is not None
    if measured or all(work.cuda_graphs and gpus[name] == 1 for name, work in works.items()):
        return []
    return [
        "jobs on several GPUs, BERT-Feat and families other than BERT have no CUDA graphs: a given step_ms is too low"
    ]


def _sharing(spec: StudyPlan, gpus: Iterable[int]) -> list[str]:
    """What the wall time assumes of jobs on several GPUs and of jobs that share one."""
    notes = []
    if max(gpus, default=1) > 1:
        notes.append("wall time: several GPUs of a job divide its operations, not its time per step")
    if spec.jobs_per_gpu > 1:
        notes.append(
            f"wall time: of the {spec.jobs_per_gpu} jobs that share a GPU, operations wait for each other, and times "
            "per step pass side by side"
        )
    return notes


def _artefacts(artefacts: Mapping[str, PlannedArtefact], jobs: Iterable[JobPlan]) -> dict[str, ArtefactPlan]:
    by_name = {job.name: job for job in jobs}
    needs = {name: job.needs for name, job in by_name.items()}
    plans: dict[str, ArtefactPlan] = {}
    counted: set[str] = set()
    for key, artefact in artefacts.items():
        names = schedule.closure(artefact.jobs, needs)
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


def averages(published: Path) -> dict[str, float]:
    """Name in Table 1 -> average length in word pieces."""
    with open(published, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["artefact"] == "table1"]
    return {row["row"]: float(row["value"]) for row in rows if row["column"] == "Average lengths"}


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
        kwh=together(job.kwh for job in jobs),
        done_planned_kwh=together(job.kwh for job in jobs if job.spent),
        done_spent_kwh=together(cost.kwh for cost in spent),
    )
