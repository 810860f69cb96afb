"""What a study cost, stage by stage, on which machines, and beside it what was planned."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from bertfit.experiments.job_record import JobCost
from bertfit.experiments.summary_specs import PlannedStage, TrainingStage

STAGES: tuple[TrainingStage, ...] = get_args(TrainingStage)


@dataclass(frozen=True)
class StageCost:
    """Jobs of one stage: seconds and energy of their loops, word pieces, peak bytes of a process and of a device."""

    name: str
    jobs: int
    seconds: float
    tokens: int
    memory: int
    device_memory: int | None
    kwh: float | None = None
    """of the jobs whose energy was recorded; None of none"""
    kwh_jobs: int = 0
    """number of these"""
    trained: int = 0
    """jobs that train anything"""
    estimated: bool = False
    planned_jobs: int | None = None
    planned_seconds: float | None = None

    @property
    def rate(self) -> float | None:
        """Word pieces a second."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None


def stages(
    done: Iterable[tuple[TrainingStage, JobCost]], planned: Mapping[str, PlannedStage] | None = None
) -> list[StageCost]:
    """Sums over jobs, in the order of `STAGES`, then all together; beside them what was ``planned`` for the stages."""
    costs: dict[TrainingStage, list[JobCost]] = {name: [] for name in STAGES}
    for stage, cost in done:
        costs[stage].append(cost)
    planned = planned or {}
    rows = [_stage(name, jobs, planned.get(name)) for name, jobs in costs.items() if jobs or name in planned]
    if len(rows) < 2:
        return rows
    whole = PlannedStage(
        jobs=sum(stage.jobs for stage in planned.values()), seconds=sum(stage.seconds for stage in planned.values())
    )
    return [*rows, _stage("together", [cost for jobs in costs.values() for cost in jobs], whole if planned else None)]


def _stage(name: str, costs: Sequence[JobCost], planned: PlannedStage | None) -> StageCost:
    energies = [energy for cost in costs if (energy := cost.total_energy) and energy.kwh is not None]
    memory = [cost.peak_memory_bytes for cost in costs]
    return StageCost(
        name=name,
        jobs=len(costs),
        seconds=sum(cost.total_seconds or 0.0 for cost in costs),
        tokens=sum(cost.tokens or 0 for cost in costs),
        memory=max((peak.process for peak in memory), default=0),
        device_memory=max((peak.device for peak in memory if peak.device is not None), default=None),
        kwh=sum(energy.kwh or 0.0 for energy in energies) if energies else None,
        kwh_jobs=len(energies),
        trained=sum(cost.seconds is not None for cost in costs),
        estimated=any(energy.estimated for energy in energies),
        planned_jobs=planned.jobs if planned else None,
        planned_seconds=planned.seconds if planned else None,
    )


def distinct(values: Iterable[Mapping[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """Different values and the number of times that each occurs, the most frequent first, then by their text."""
    counts = Counter(json.dumps(value, sort_keys=True) for value in values)
    return [(json.loads(text), count) for text, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
