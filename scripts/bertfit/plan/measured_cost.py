"""What jobs that are done took: run.json says the time of their loop, the benchmark that of their process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from bertfit.config.corpus_schema import Spec
from bertfit.core.errors import UserError
from bertfit.energy.energy_use import JOULES
from bertfit.experiments import job_record
from bertfit.experiments.job_record import JobRecord
from bertfit.experiments.summary_specs import PlannedJob
from bertfit.plan.device_speed import DevicePower

GIVEN = "given"


class Spent(Spec):
    """Seconds and tokens of a job that is done."""

    loop: float
    """training and evaluation, over all attempts"""
    process: float | None
    """from start to end of the process that finished it; None without a benchmark"""
    tokens: int
    kwh: float | None = None
    """energy of the loop; None where it was not recorded"""
    estimated: bool = False
    device_seconds: float = 0.0
    """of the loop, of all its GPUs, or of the processor"""
    device_type: Literal["cpu", "cuda"] = "cpu"

    @property
    def whole(self) -> float:
        """Seconds of the process, or of the loop if that is longer: a resumed job has trained in earlier processes."""
        return max(self.loop, self.process or 0.0)


class StartCost(Spec):
    """Time of processes outside their loops: Python, imports, reading and writing; None without any benchmark."""

    planned_seconds: float
    """of a job"""
    jobs: int
    """that were measured"""
    seconds: float | None
    """of a job, mean"""
    share: float | None
    """of all their processes' time"""


def spent(jobs: Iterable[PlannedJob], root: Path) -> dict[str, Spent]:
    """Name -> cost of the jobs that left a run.json below ``root``; raises `UserError` where one cannot be read."""
    records = {job.name: (root / job.name / "run.json", Path(job.benchmark)) for job in jobs}
    return {name: _read(record, benchmark) for name, (record, benchmark) in records.items() if record.is_file()}


def start(spent: Mapping[str, Spent], planned: float) -> StartCost:
    """How much of the processes' time was not their loop; ``planned`` seconds a job were assumed.

    Resumed jobs are left out: their loop is longer than their last process.
    """
    measured = [(cost.process, cost.loop) for cost in spent.values() if cost.process and cost.process >= cost.loop]
    process = sum(seconds for seconds, _ in measured)
    outside = sum(seconds - loop for seconds, loop in measured)
    return StartCost(
        planned_seconds=planned,
        jobs=len(measured),
        seconds=outside / len(measured) if measured else None,
        share=outside / process if process else None,
    )


def power(
    spent: Iterable[Spent], device_type: Literal["cpu", "cuda"], otherwise: DevicePower | None
) -> DevicePower | None:
    """Watts of a device: ``otherwise`` if they are given, else of jobs that are done on such a device, else these."""
    known = [job for job in spent if job.kwh is not None and job.device_type == device_type]
    seconds = sum(job.device_seconds for job in known)
    if not seconds or (otherwise and otherwise.source == GIVEN):
        return otherwise
    return DevicePower(
        watts=sum(job.kwh or 0.0 for job in known) * JOULES / seconds,
        source=f"of {len(known)} {'job that is' if len(known) == 1 else 'jobs that are'} done",
        estimated=any(job.estimated for job in known),
    )


def _read(record: Path, benchmark: Path) -> Spent:
    read = job_record.read(record, JobRecord)
    cost = read.cost
    if cost.total_seconds is None:
        raise UserError(f"{record}: no time of a training; delete its folder and run again")
    energy = cost.total_energy
    return Spent(
        loop=cost.total_seconds,
        process=_process_seconds(benchmark),
        tokens=cost.tokens or 0,
        kwh=energy.kwh if energy else None,
        estimated=energy is not None and energy.estimated,
        device_seconds=cost.total_seconds * read.machine.processes,
        device_type="cuda" if cost.peak_memory_bytes.device is not None else "cpu",
    )


def _process_seconds(benchmark: Path) -> float | None:
    """Of the last process in Snakemake's benchmark file; None where there is no such file."""
    if not benchmark.is_file():
        return None
    try:
        lines = benchmark.read_text(encoding="utf-8").splitlines()
        return float(json.loads(lines[-1])["s"]) if lines else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{benchmark}: not a benchmark of Snakemake ({error}); delete it") from error
