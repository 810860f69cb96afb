"""Merges archives of parts of a study (--config shard=i/n) or of some of its artefacts into one archive.

The jobs of the merged archive are those of the study for the merged selection, so its bytes are those of the archive
that one machine would have written from the same records. Imports neither torch nor snakemake.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.config.load import load_settings
from bertfit.core.errors import UserError
from bertfit.core.files import sha256
from bertfit.experiments.registry import Registry
from bertfit.experiments.summary_specs import ArchiveManifest
from bertfit.export import archive, rebuild
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.training_jobs import TrainingJobs

COMPARED = ("config.yaml", "scripts/", "studies/", "paper/")
"""code and configuration that must be the same in all archives; the others change no record and no table"""
SHOWN = 10  # differing files or missing parts in a message


@dataclass(frozen=True)
class Unpacked:
    """An archive: ``path`` as it was given, the ``folder`` it was unpacked to, and its manifest."""

    path: Path
    folder: Path
    manifest: ArchiveManifest


def merge(paths: Sequence[Path], out: Path, prefer: Path | None = None) -> list[str]:
    """Merge archives, zip files or folders that they were unpacked to, into the new zip file ``out``.

    Of a record that differs between archives that of ``prefer`` counts, if given. Returns the records of the merged
    archive. Raises `UserError` if a part or a record is missing, if there are no records, if records differ, if an
    archive is damaged, or if archives are not of the same study, code and configuration.
    """
    if out.exists():
        raise UserError(f"{out} exists; give the name of a new file last")
    if prefer and prefer not in paths:
        raise UserError(f"--prefer {prefer}: not one of the archives; give one of {', '.join(map(str, paths))}")
    with TemporaryDirectory(prefix="bertfit-") as temporary:
        parts = [unpacked(path, Path(temporary, str(number))) for number, path in enumerate(paths)]
        for other in parts[1:]:
            _check_same(parts[0], other)
        check_scripts(parts[0])
        if any(part.manifest.shard for part in parts):
            _check_complete(parts)
        first, merged = parts[0], Path(temporary, "merged")
        for path in first.manifest.sha256:
            if not path.startswith(f"{first.manifest.root}/"):
                _copy(first, path, merged)
        try:
            jobs = _jobs(merged, parts)
            records = jobs.records()
        except UserError as error:  # the temporary folder is gone when it is read
            raise UserError(str(error).replace(str(merged), str(first.path))) from error
        if not records:
            raise UserError(
                f"{', '.join(str(part.path) for part in parts)}: no records to merge: no corpus was available, or the "
                "artefacts have no runs"
            )
        _lay_out(parts, records, merged, prefer)
        out = out.absolute()
        with chdir(merged):
            rebuild.run_all(jobs.archived())
            archive.write(jobs.spec(), records, jobs.rebuilt(), source=merged, out=out)
    return records


# ---------------------------------------------------------------------------------------------- checks


def unpacked(path: Path, folder: Path) -> Unpacked:
    """The archive at ``path``, unpacked in ``folder``. Raises `UserError` if there is none, or if it is damaged."""
    if not path.exists():
        raise UserError(f"{path}: there is no such archive")
    return Unpacked(path, folder, archive.unpack(path, folder))


def _check_same(first: Unpacked, other: Unpacked) -> None:
    """Raise `UserError` unless both archives are of the same study, selection of corpora, code and configuration."""

    def refuse(what: str, mine: object, theirs: object) -> UserError:
        return UserError(f"{first.path} and {other.path} cannot be merged: {what} {mine} and {theirs}")

    a, b = first.manifest, other.manifest
    if "text" in a.switches:
        raise UserError(f"{first.path} is of your own dataset, which has no parts")
    if (a.study, a.root) != (b.study, b.root):
        raise refuse("they are of the studies", a.root, b.root)
    for name in ("corpora", "sample", "seeds"):
        if a.switches.get(name) != b.switches.get(name):
            raise refuse("they were made with --config", *(f"{name}={m.switches.get(name, '')}" for m in (a, b)))
    for corpus in a.sources.keys() | b.sources.keys():
        if a.sources.get(corpus) != b.sources.get(corpus):
            sources = [m.sources.get(corpus) or "nowhere, it was unavailable" for m in (a, b)]
            raise refuse(f"corpus {corpus} was read from", *sources)
    if different := _different(_compared(a.sha256), _compared(b.sha256)):
        raise UserError(
            f"{first.path} and {other.path} cannot be merged: their code or configuration differs in "
            f"{_listed(different, len(different))}; run the study with the same files on every machine"
        )


def check_scripts(first: Unpacked) -> None:
    """Raise `UserError` unless scripts and ``paper/`` here are those of the archives: they make the tables."""
    archived = {
        path: digest for path, digest in first.manifest.sha256.items() if path.startswith(("scripts/", "paper/"))
    }
    source = rebuild.SCRIPTS.parent
    if different := [
        path for path in archived if not (source / path).is_file() or sha256(source / path) != archived[path]
    ]:
        raise UserError(
            f"{first.path} was made by another version of bertfit ({_listed(different, len(different))} differs); "
            "use the scripts within the archive"
        )


def _check_complete(parts: Sequence[Unpacked]) -> None:
    """Raise `UserError` unless the archives are all parts of one division."""
    first = parts[0]
    for other in parts[1:]:
        if _division(first.manifest) != _division(other.manifest):
            raise UserError(
                f"{first.path} is {_division(first.manifest)}, {other.path} {_division(other.manifest)}; merge all "
                "parts of one first"
            )
    assert first.manifest.shard
    number = first.manifest.shard[1]
    given = {part.manifest.shard[0] for part in parts if part.manifest.shard}
    if count := number - len(given):
        missing = list(islice((f"{part}/{number}" for part in range(1, number + 1) if part not in given), SHOWN))
        switches = " ".join(f"{name}={value}" for name, value in first.manifest.switches.items())
        raise UserError(
            f"{_listed(missing, count)} {'is' if count == 1 else 'are'} missing; make each with "
            f"snakemake archive --config {switches} shard={missing[0]}"
        )


def _division(manifest: ArchiveManifest) -> str:
    """What an archive is a part of, in words."""
    artefacts = manifest.switches.get("artefacts")
    whole = f"artefacts={artefacts}" if artefacts else "the whole study"
    return f"one of {manifest.shard[1]} parts of {whole}" if manifest.shard else f"all of {whole}"


def _compared(digests: dict[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in digests.items() if path.startswith(COMPARED)}


def _different(mine: dict[str, str], theirs: dict[str, str]) -> list[str]:
    return sorted(path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path))


def _listed(names: Sequence[str], count: int) -> str:
    """The first `SHOWN` of ``count`` names, and how many more there are."""
    more = f" and {count - SHOWN:,} more" if count > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


# ---------------------------------------------------------------------------------------------- merging


def _jobs(folder: Path, parts: Sequence[Unpacked]) -> ArchiveJobs:
    """The archive of all that the parts select, of the study in ``folder``."""
    first, manifest = parts[0], parts[0].manifest
    switches = {name: value for name, value in manifest.switches.items() if name != "artefacts"}
    artefacts = [part.manifest.switches.get("artefacts") for part in parts]
    if None not in artefacts:
        switches["artefacts"] = "+".join(filter(None, artefacts))
    registry = _registry(folder, first, switches)
    if registry.chosen == list(registry.artefacts):  # the whole study
        switches.pop("artefacts", None)
        registry = _registry(folder, first, switches)
    jobs = TrainingJobs(registry)
    return ArchiveJobs(jobs, ArtefactJobs(jobs), ReportJobs(jobs))


def _registry(folder: Path, first: Unpacked, switches: Mapping[str, str]) -> Registry:
    """The study in ``folder`` whose corpora have the recorded sources.

    Raises `UserError` unless the sources are those of exactly its corpora, each one that the corpus has.
    """
    # A study may name a folder of local corpora that is not on this machine: any folder takes its place.
    settings = load_settings({**switches, "data": str(folder)}, folder, {})
    corpora, sources = settings.study.corpora, first.manifest.sources
    for corpus in sorted(corpora.keys() | sources.keys()):
        if corpus not in corpora or corpus not in sources:
            where = "its manifest.json" if corpus in corpora else "its study"
            raise UserError(f"{first.path}: corpus {corpus} is missing in {where}; make the archive again")
        if (kind := sources[corpus]) and getattr(corpora[corpus].source, kind) is None:
            raise UserError(
                f"{first.path}: its manifest.json says that corpus {corpus} was read from {kind}, and its study has no "
                "such source of it; make the archive again"
            )
    return Registry(replace(settings, sources=sources), Path(first.manifest.root).parent)


def _lay_out(parts: Sequence[Unpacked], records: Iterable[str], out: Path, prefer: Path | None) -> None:
    """Copy each record from the archive that has it, and the benchmarks, which describe the machines, to ``out``.

    Raises `UserError` for records that differ between archives or that none has.
    """
    ordered = sorted(parts, key=lambda part: part.path != prefer)
    conflicts = []
    for path in records:
        having = [part for part in ordered if path in part.manifest.sha256]
        if not having:
            raise UserError(f"{path}: no archive has this record; run the part that it belongs to again")
        if len({part.manifest.sha256[path] for part in having}) > 1 and having[0].path != prefer:
            conflicts.append(f"  {path} ({', '.join(str(part.path) for part in having)})")
        _copy(having[0], path, out)
    if conflicts:
        raise UserError("records differ between archives; --prefer ARCHIVE says whose count:\n" + "\n".join(conflicts))
    for part in ordered:
        for path in part.manifest.sha256:
            if path.startswith(f"{part.manifest.root}/benchmarks/") and not (out / path).exists():
                _copy(part, path, out)


def _copy(part: Unpacked, path: str, out: Path) -> None:
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(part.folder / path, out / path)
