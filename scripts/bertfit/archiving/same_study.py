"""Whether archives can be added up: the same study, code and configuration, and all parts of what was divided."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from bertfit.archiving.unpacked_archive import SHOWN, Unpacked, listed
from bertfit.core.errors import UserError
from bertfit.core.files import sha256
from bertfit.export import rebuild
from bertfit.export.archive_manifest import ArchiveManifest

COMPARED = ("config.yaml", "scripts/", "studies/", "paper/")
"""code and configuration that must be the same in all archives; the others change no record and no table"""
TWO = "give at least two different archives; the last path is the new file"


def check(archives: Sequence[Unpacked]) -> None:
    """Raise `UserError` unless the archives can be added up, by the scripts that run."""
    for other in archives[1:]:
        _check_same(archives[0], other)
    check_scripts(archives[0])
    if any(archive.manifest.shard for archive in archives):
        _check_complete(archives)
    _check_distinct(archives)


def check_scripts(first: Unpacked) -> None:
    """Raise `UserError` unless scripts and ``paper/`` here are those of the archives: they make the tables."""
    files = first.manifest.sha256.items()
    archived = {path: digest for path, digest in files if path.startswith(("scripts/", "paper/"))}
    source = rebuild.SCRIPTS.parent
    if different := [
        path for path in archived if not (source / path).is_file() or sha256(source / path) != archived[path]
    ]:
        raise UserError(
            f"{first.path} was made by another version of bertfit ({listed(different, len(different))} differs); "
            "use the scripts within the archive"
        )


def _check_distinct(archives: Sequence[Unpacked]) -> None:
    """Raise `UserError` for an archive that is given twice, and for one alone unless it is part 1 of 1."""
    for number, each in enumerate(archives):
        for other in archives[:number]:
            if each.manifest == other.manifest:  # it has the digests of all files
                raise UserError(f"{other.path} and {each.path} have the same content; {TWO}")
    if len(archives) == 1 and archives[0].manifest.shard != (1, 1):
        raise UserError(f"{archives[0].path} is one archive; {TWO}")


def _check_same(first: Unpacked, other: Unpacked) -> None:
    """Raise `UserError` unless both archives are of the same study, data, code and configuration.

    Parts (--config shard) are of one selection; else archives may differ in seeds, corpora and artefacts.
    """

    def refuse(what: str, mine: object, theirs: object) -> UserError:
        return UserError(f"{first.path} and {other.path} cannot be merged: {what} {mine} and {theirs}")

    a, b = first.manifest, other.manifest
    if "text" in a.switches:
        raise UserError(f"{first.path} is of your own dataset, which has no parts")
    if (a.study, a.root) != (b.study, b.root):
        raise refuse("they are of the studies", a.root, b.root)
    for name in ("sample", "corpora", "seeds") if a.shard or b.shard else ("sample",):
        if a.switches.get(name) != b.switches.get(name):
            raise refuse("they were made with --config", *(f"{name}={m.switches.get(name, '')}" for m in (a, b)))
    if a.logit_step != b.logit_step:
        raise refuse("their logits are rounded to multiples of", a.logit_step or 0, b.logit_step or 0)
    for corpus in a.sources.keys() | b.sources.keys():
        if a.sources.get(corpus) != b.sources.get(corpus):
            sources = [m.sources.get(corpus) or "nowhere, it was unavailable" for m in (a, b)]
            raise refuse(f"corpus {corpus} was read from", *sources)
    if different := _different(_compared(a.sha256), _compared(b.sha256)):
        raise UserError(
            f"{first.path} and {other.path} cannot be merged: their code or configuration differs in "
            f"{listed(different, len(different))}; run the study with the same files on every machine"
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
        raise UserError(
            f"{listed(missing, count)} {'is' if count == 1 else 'are'} missing; make each with "
            f"snakemake archive --config {command_line(first.manifest)} shard={missing[0]}"
        )


def command_line(manifest: ArchiveManifest) -> str:
    """The --config values that select the runs of an archive."""
    return " ".join(f"{name}={value}" for name, value in manifest.switches.items())


def _division(manifest: ArchiveManifest) -> str:
    """What an archive is a part of, in words."""
    artefacts = manifest.switches.get("artefacts")
    whole = f"artefacts={artefacts}" if artefacts else "the whole study"
    return f"one of {manifest.shard[1]} parts of {whole}" if manifest.shard else f"all of {whole}"


def _compared(digests: dict[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in digests.items() if path.startswith(COMPARED)}


def _different(mine: dict[str, str], theirs: dict[str, str]) -> list[str]:
    return sorted(path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path))
