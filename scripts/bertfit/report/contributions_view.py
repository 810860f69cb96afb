"""The report's section on a merged archive: who contributed what, and what was done again with other results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertfit.contributions.contributed import (
    Contributed,
    Contribution,
    PreferredFile,
    RepeatedEncoder,
    RepeatedRun,
    UsedMachine,
)
from bertfit.contributions.seed_ranges import ranges
from bertfit.experiments import ids

SHOWN = 100  # runs with other results in the table


@dataclass(frozen=True)
class MachineRow:
    """A machine of a contributor: device and system, versions, number of trainings, and seconds of their loops."""

    device: str
    system: str
    versions: str
    jobs: int
    seconds: float


@dataclass(frozen=True)
class ContributorRow:
    """A contributor: number of runs and of encoders, seeds of the runs.

    ``shared``: runs that others made, too; ``different``: those of them whose results differ from the record of a
    contributor that another one is compared with.
    """

    name: str
    seeds: str
    runs: int
    encoders: int
    shared: int
    different: int
    machines: list[MachineRow]

    @property
    def seconds(self) -> float:
        """Of all its trainings."""
        return sum(machine.seconds for machine in self.machines)


@dataclass(frozen=True)
class ContributionsView:
    """What the section shows. ``runs`` are the first of ``repeated`` runs with other results.

    ``furthest``: the largest difference of two errors of one run, in points; ``changed``: the share of its predictions
    that differ, in percent, on average.
    """

    contributors: list[ContributorRow]
    repeated: int
    runs: list[RepeatedRun]
    furthest: float
    changed: float
    encoders: list[RepeatedEncoder]
    files: list[PreferredFile]


def view(contributed: Contributed) -> ContributionsView:
    """The rows of the section. Raises `UserError` for a job whose name is that of no block of seeds."""
    runs = {contribution.contributor: _runs(contribution) for contribution in contributed.by}
    shares = [100 * row.changed / row.examples for row in contributed.runs]
    return ContributionsView(
        contributors=[_contributor(contribution, runs, contributed.runs) for contribution in contributed.by],
        repeated=len(contributed.runs),
        runs=contributed.runs[:SHOWN],
        furthest=max((abs(row.errors[1] - row.errors[0]) for row in contributed.runs), default=0.0),
        changed=sum(shares) / len(shares) if shares else 0.0,
        encoders=contributed.encoders,
        files=contributed.files,
    )


Run = tuple[str, int]
"""address of the run group, seed"""


def _runs(contribution: Contribution) -> set[Run]:
    found = set()
    for machine in contribution.machines:
        for path in machine.jobs:
            kind, _, name = path.partition("/")
            if kind == "runs":
                address, _, block = name.rpartition("/")
                found |= {(address, seed) for seed in ids.parse_block(block)}
    return found


def _contributor(
    contribution: Contribution, runs: dict[str, set[Run]], repeated: Sequence[RepeatedRun]
) -> ContributorRow:
    name = contribution.contributor
    own = runs[name]
    of_others = set().union(*(theirs for other, theirs in runs.items() if other != name))
    different = {(row.run, row.seed) for row in repeated if name in (row.kept, row.other)}
    jobs = {path for machine in contribution.machines for path in machine.jobs}
    return ContributorRow(
        name=name,
        seeds=spans({seed for _, seed in own}),
        runs=len(own),
        encoders=sum(path.startswith("encoders/") for path in jobs),
        shared=len(own & of_others),
        different=len(different),
        machines=[_machine(machine) for machine in contribution.machines],
    )


def _machine(machine: UsedMachine) -> MachineRow:
    return MachineRow(
        device=machine.device,
        system=machine.system,
        versions=", ".join(f"{name} {number}" for name, number in machine.versions.items()),
        jobs=len(machine.jobs),
        seconds=sum(filter(None, machine.jobs.values())),
    )


def spans(seeds: set[int]) -> str:
    """Seeds for readers: ``1–3, 7``."""
    pairs = (span.split("-") for span in ranges(seeds))
    return ", ".join(first if first == last else f"{first}–{last}" for first, last in pairs)
