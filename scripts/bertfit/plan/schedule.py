"""Wall time of jobs that wait for each other and share the devices of a machine: list scheduling."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ScheduledJob:
    """A job on a machine: its seconds, the jobs it needs, and the slots that it occupies while it runs."""

    seconds: float
    needs: list[str]
    slots: int = 1


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


def makespan(jobs: Mapping[str, ScheduledJob], slots: int) -> float:
    """Seconds until all jobs are done on ``slots``.

    The job with the longest critical path comes first; while it does not fit, jobs after it that do may start, as under
    Snakemake. Raises `ValueError` for a job that occupies more than all slots.
    """
    if large := [name for name, job in jobs.items() if job.slots > slots]:
        raise ValueError(f"{large[0]} occupies {jobs[large[0]].slots} of {slots} slots")
    successors: dict[str, list[str]] = {name: [] for name in jobs}
    waiting = {name: len(job.needs) for name, job in jobs.items()}
    for name, job in jobs.items():
        for needed in job.needs:
            successors[needed].append(name)
    path: dict[str, float] = {}  # seconds from the start of a job to the end of the last one that depends on it
    for name in reversed(closure(jobs, {name: job.needs for name, job in jobs.items()})):
        path[name] = jobs[name].seconds + max((path[successor] for successor in successors[name]), default=0.0)
    ready = sorted((-path[name], name) for name in jobs if not waiting[name])
    running: list[tuple[float, str]] = []
    now, free = 0.0, slots
    while ready or running:
        held = []  # back for the next turn
        for place, (priority, name) in enumerate(ready):
            if not free:
                held += ready[place:]
                break
            if jobs[name].slots <= free:
                free -= jobs[name].slots
                heapq.heappush(running, (now + jobs[name].seconds, name))
            else:
                held.append((priority, name))
        now, done = heapq.heappop(running)
        free += jobs[done].slots
        for successor in successors[done]:
            waiting[successor] -= 1
            if not waiting[successor]:
                held.append((-path[successor], successor))
        ready = sorted(held)
    return now
