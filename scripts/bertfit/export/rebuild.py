"""Rebuilds tables, figures, verdicts and report of an archive from its records, without Snakemake and torch.

Each job calls the ``main`` of its script with the files and values that its rule would pass, so every file is written
by the same code as in the workflow. The scripts are those beside the package, the archive's own if its ``rebuild.py``
runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.core.files import sha256
from bertfit.export.archive import unpack
from bertfit.export.archive_manifest import ArchivedJob
from bertfit.runtime.rule_job import JobFiles, RuleJob, load_main, logged

SCRIPTS = Path(__file__).parents[2].absolute()


def run(archived: ArchivedJob, scripts: Path, log: Path) -> None:
    """Run the script of an archived job in the working folder. Raises `UserError` with its log if it fails."""
    job = RuleJob(input=JobFiles.of(archived.input), output=JobFiles.of(archived.output), spec=archived.spec, log=log)
    for path in (log, *job.output):
        path.parent.mkdir(parents=True, exist_ok=True)
    script = scripts / f"{archived.script}.py"
    try:
        logged(load_main(script), job)
    except (SystemExit, Exception) as error:
        logged_text = log.read_text(encoding="utf-8").strip() if log.is_file() else ""
        raise UserError(f"{script.name} failed: {logged_text or error}") from error


def run_all(jobs: Iterable[ArchivedJob]) -> None:
    """Run archived jobs in the working folder, each with a log of its own. Raises `UserError` as `run` does."""
    for number, job in enumerate(jobs, start=1):
        run(job, SCRIPTS, Path("logs", f"{number:03}-{job.script}.log"))


def rebuild(archive: Path, out: Path) -> dict[str, bool]:
    """Rebuild the results of ``archive``, a zip file or the folder it was unpacked to, in the new folder ``out``.

    Returns file -> whether it has the same bytes as the archived one. Raises `UserError` if the archive is damaged or
    ``out`` is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: the folder is not empty; give another one")
    manifest = unpack(archive, out)
    if manifest.shard:
        part, number = manifest.shard
        raise UserError(f"{archive}: part {part} of {number} of a study; merge all parts first (scripts/merge.py)")
    for path in manifest.made:
        (out / path).unlink()
    same: dict[str, bool] = {}
    with chdir(out):
        run_all(manifest.jobs)
        for job in manifest.jobs:
            same |= {str(path): sha256(path) == manifest.sha256.get(str(path)) for path in JobFiles.of(job.output)}
    return same
