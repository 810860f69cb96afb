"""Who contributed what: the trainings in the records of archives, by contributor and machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bertfit.archiving.contributed_runs import REMEDY
from bertfit.archiving.run_choice import device
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.contributions.contributed import Contribution, UsedMachine
from bertfit.core.errors import UserError
from bertfit.experiments import ids, job_record
from bertfit.experiments.job_record import JobRecord


def are_told(archives: Sequence[Unpacked]) -> bool:
    """Whether the archives are contributions of several; else parts or artefacts of a study that is made as one.

    They are if one of them names its contributor, is itself merged of such, or has other seeds or corpora, or if a
    training of one was made again for another.
    """
    selected = {tuple(archive.manifest.switches.get(name) for name in ("seeds", "corpora")) for archive in archives}
    named = any(archive.manifest.contributor or archive.manifest.contributed for archive in archives)
    return named or len(selected) > 1 or _made_twice(archives)


def _made_twice(archives: Sequence[Unpacked]) -> bool:
    """Whether two archives have different records of a training, as these hold its time."""
    digests: dict[str, str] = {}
    for archive in archives:
        for path, digest in archive.manifest.sha256.items():
            if path.endswith("/run.json") and digests.setdefault(path, digest) != digest:
                return True
    return False


def check_names(archives: Sequence[Unpacked]) -> None:
    """Raise `UserError` unless each archive has a name of its own, or says who contributed it."""
    declared = {archive.manifest.contributor for archive in archives if archive.manifest.contributor}
    merged = [archive.manifest.contributed for archive in archives if archive.manifest.contributed]
    declared |= {contribution.contributor for contributed in merged for contribution in contributed.by}
    for archive in archives:
        if archive.manifest.contributor or archive.manifest.contributed:
            continue
        if archive.contributor in declared:
            raise UserError(
                f"{archive.path}: another contribution is named {archive.contributor!r}, too; give the file another "
                "name, or archive with --config contributor=..."
            )
        declared.add(archive.contributor)


def contributions(archives: Iterable[Unpacked]) -> list[Contribution]:
    """The contributions of all archives, those of one contributor together. Raises `UserError` for damaged records."""
    machines: dict[str, dict[str, UsedMachine]] = {}
    for archive in archives:
        contributed = archive.manifest.contributed
        for contribution in contributed.by if contributed else [_contribution(archive)]:
            of_contributor = machines.setdefault(contribution.contributor, {})
            for machine in contribution.machines:
                key = _key(machine)
                of_contributor[key] = _united(of_contributor[key], machine) if key in of_contributor else machine
    return [Contribution(contributor=name, machines=list(used.values())) for name, used in machines.items()]


def _contribution(archive: Unpacked) -> Contribution:
    """The contribution of an archive that was not merged."""
    machines: dict[str, UsedMachine] = {}
    for path in archive.results:
        if path.name != "run.json" or path.parts[0] not in ("runs", "encoders"):
            continue
        if path.parts[0] == "encoders" and ids.saved_from(path.parts[1]):  # a checkpoint has no cost of its own
            continue
        file = archive.folder / archive.manifest.root / path
        record = job_record.read(file, JobRecord, remedy=REMEDY)
        used = UsedMachine(
            device=device(record),
            system=record.machine.system[:200],
            versions=record.versions,
            jobs={path.parent.as_posix(): record.cost.total_seconds},
        )
        key = _key(used)
        machines[key] = _united(machines[key], used) if key in machines else used
    return Contribution(contributor=archive.contributor, machines=list(machines.values()))


def _key(machine: UsedMachine) -> str:
    return machine.model_copy(update={"jobs": {}}).model_dump_json()


def _united(one: UsedMachine, other: UsedMachine) -> UsedMachine:
    """The jobs of both; one that both have, as two archives may hold it, counts once."""
    jobs = dict(one.jobs)
    for path, seconds in other.jobs.items():
        jobs[path] = max(filter(None, (jobs.get(path), seconds)), default=None)
    return one.model_copy(update={"jobs": dict(sorted(jobs.items()))})
