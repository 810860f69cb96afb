"""Adds up archives of one study: parts of it (--config shard), some of its artefacts, corpora or seeds.

The jobs of the merged archive are those of the study for all that the archives select, and each run is in it once, so
its tables are those that one machine would have made of the same records. Imports neither torch nor snakemake.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from bertfit.archiving import contributors, joined_blocks, record_choice, run_choice, same_study
from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.archiving.merged_jobs import merged_jobs
from bertfit.archiving.record_choice import RecordChoice
from bertfit.archiving.run_choice import RunChoice
from bertfit.archiving.unpacked_archive import Unpacked, unpacked
from bertfit.contributions.contributed import Contributed
from bertfit.core.errors import UserError
from bertfit.export import archive, rebuild
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs

T = TypeVar("T")


def merge(paths: Sequence[Path], out: Path, prefer: Sequence[Path] = ()) -> list[str]:
    """Merge archives, zip files or folders that they were unpacked to, into the new zip file ``out``.

    A run that several archives have with the same results is in ``out`` once. Of one whose results differ, and of other
    records that do, that of the first archive of ``prefer`` that has it counts; what others have is listed in the
    manifest and on the page, and enters no table.

    Returns the records of the merged archive. Raises `UserError` if a part or a record is missing, if there are no
    records, if records differ that no archive of ``prefer`` has, if an archive is damaged or given twice, or if
    archives are not of the same study, code and configuration.
    """
    if out.exists():
        raise UserError(f"{out} exists; give the name of a new file last")
    given = {path.resolve(): path for path in paths}
    if unknown := [path for path in prefer if path.resolve() not in given]:
        raise UserError(f"--prefer {unknown[0]}: not one of the archives; give one of {', '.join(map(str, paths))}")
    prefer = [given[path.resolve()] for path in prefer]
    with TemporaryDirectory(prefix="bertfit-") as temporary:
        archives = [unpacked(path, Path(temporary, f"{number:04}")) for number, path in enumerate(paths)]
        try:
            return _merge(archives, Path(temporary, "merged"), out.absolute(), prefer)
        except UserError as error:  # the temporary folders are gone when it is read
            text = str(error).replace(str(Path(temporary, "merged")), str(archives[0].path))
            for each in archives:
                text = text.replace(str(each.folder), str(each.path))
            raise UserError(text) from error


def _merge(archives: Sequence[Unpacked], merged: Path, out: Path, prefer: Sequence[Path]) -> list[str]:
    """`merge`, in the new folder ``merged``."""
    same_study.check(archives)
    first = archives[0]
    for path in first.manifest.sha256:
        if not path.startswith(f"{first.manifest.root}/"):
            _copy(first, path, merged)
    jobs = merged_jobs(merged, archives)
    artefacts = ArtefactJobs(jobs)
    records = ArchiveJobs(jobs, artefacts, ReportJobs(jobs)).records()
    if not records:
        raise UserError(
            f"{', '.join(str(each.path) for each in archives)}: no records to merge: no corpus was available, or the "
            "artefacts have no runs"
        )
    preferred = [each for path in dict.fromkeys(prefer) for each in archives if each.path == path]
    ordered = [*preferred, *(each for each in archives if each.path not in prefer)]
    of_runs = tuple(f"{jobs.root}/{job.path}/" for job in jobs.registry.jobs())
    needed = {path.rpartition("/")[0] for path in records if path.startswith(f"{jobs.root}/runs/")}
    wanted = [job for job in jobs.registry.jobs() if f"{jobs.root}/{job.path}" in needed]
    files = record_choice.choose([path for path in records if not path.startswith(of_runs)], ordered, prefer)
    runs = run_choice.choose(jobs, wanted, ordered, prefer)
    if conflicts := [*files.conflicts, *runs.conflicts]:
        raise UserError("records differ between archives; --prefer ARCHIVE says whose count:\n" + "\n".join(conflicts))
    contributed = _contributed(archives, runs, files)
    _lay_out(runs, files, merged, jobs.root, named=contributed is not None)
    _copy_benchmarks(ordered, merged)
    archiving = ArchiveJobs(jobs, artefacts, ReportJobs(jobs, contributed))
    with chdir(merged):
        rebuild.run_all(archiving.archived())
        spec = archiving.spec().model_copy(update={"logit_step": first.manifest.logit_step})
        archive.write(spec, records, archiving.rebuilt(), source=merged, out=out)
    return records


def _contributed(archives: Sequence[Unpacked], runs: RunChoice, files: RecordChoice) -> Contributed | None:
    """Who gave what; None of parts that one contributor made. Raises `UserError` where two archives have one name."""
    if not (contributors.are_told(archives) or runs.repeated or files.encoders or files.files):
        return None
    contributors.check_names(archives)
    before = [each.manifest.contributed for each in archives if each.manifest.contributed]
    return Contributed(
        by=contributors.contributions(archives),
        runs=_distinct([*(row for each in before for row in each.runs), *runs.repeated]),
        encoders=_distinct([*(row for each in before for row in each.encoders), *files.encoders]),
        files=_distinct([*(row for each in before for row in each.files), *files.files]),
    )


def _distinct(rows: Collection[T]) -> list[T]:
    """Without repetitions, in the order of their text."""
    return sorted({repr(row): row for row in rows}.values(), key=repr)


def _lay_out(runs: RunChoice, files: RecordChoice, out: Path, root: str, *, named: bool) -> None:
    """Write the chosen records to ``out``; with ``named`` those of trainings say who made them."""
    for path, source in files.sources.items():
        if named and path.startswith(f"{root}/encoders/") and path.endswith("/run.json"):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            joined_blocks.name_contributor(source.folder / path, out / path, source.contributor)
        else:
            _copy(source, path, out)
    for path, sources in runs.sources.items():
        joined_blocks.write(sources, out / root / path, named=named)


def _copy_benchmarks(ordered: Sequence[Unpacked], out: Path) -> None:
    """They describe the machines; of jobs that several ran those of the first."""
    for each in ordered:
        for path in each.manifest.sha256:
            if path.startswith(f"{each.manifest.root}/benchmarks/") and not (out / path).exists():
                _copy(each, path, out)


def _copy(source: Unpacked, path: str, out: Path) -> None:
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.folder / path, out / path)
