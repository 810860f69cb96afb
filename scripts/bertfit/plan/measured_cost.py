"""What jobs that are done have cost: run.json says the time of their loop, the benchmark that of their process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.experiments.summary_specs import PlannedJob


@dataclass(frozen=True)
class Spent:
    """Seconds of one job."""

    loop: float
    """training and evaluating, over all attempts"""
    process: float | None
    """from start to end of the process that finished it; None without a benchmark"""
    tokens: int

    @property
    def whole(self) -> float:
        """Of the process; of the loop where that is longer: a job that went on after a kill trained before, too."""
        return max(self.loop, self.process or 0.0)


def spent(jobs: Iterable[PlannedJob], root: Path) -> dict[str, Spent]:
    """Name -> cost of the jobs that left a run.json below ``root``; raises `UserError` where one cannot be read."""
    found = {}
    for job in jobs:
        record = root / job.name / "run.json"
        if record.is_file():
            found[job.name] = _read(record, Path(job.benchmark))
    return found


def start(spent: Mapping[str, Spent], planned: float) -> dict[str, float | int | None]:
    """How much of the processes' time was not their loop: Python, imports, reading and writing.

    Jobs that went on after a kill are left out: their loop is longer than their last process.
    """
    whole = [(each.process, each.loop) for each in spent.values() if each.process and each.process >= each.loop]
    process = sum(one for one, _ in whole)
    apart = sum(one - loop for one, loop in whole)
    return {
        "planned_seconds": planned,
        "jobs": len(whole),
        "seconds": apart / len(whole) if whole else None,
        "share": apart / process if process else None,
    }


def _read(record: Path, benchmark: Path) -> Spent:
    try:
        cost = read_json(record)["cost"]
        loop = float(cost["seconds"]) + float(cost.get("encoding", {}).get("seconds", 0.0))
        lines = benchmark.read_text(encoding="utf-8").splitlines() if benchmark.is_file() else []
        process = float(json.loads(lines[-1])["s"]) if lines else None
        return Spent(loop, process, int(cost.get("tokens", 0)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{record}: its cost cannot be read ({type(error).__name__}: {error}); delete its folder and run again"
        ) from error
