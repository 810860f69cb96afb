"""The manifest of an archive, and the specification of the job that writes it."""

from __future__ import annotations

from typing import Any

from bertfit.config.corpus_schema import SourceKind, Spec
from bertfit.contributions.contributed import Contributed, ContributorName
from bertfit.experiments.job_specs import Files


class ArchivedJob(Spec):
    """A job of the archive: a script of ``scripts/`` with the input, output and specification that its rule passes."""

    script: str
    input: Files
    output: Files
    spec: dict[str, Any]


class ArchiveSpec(Spec):
    """Rule archive_study.

    ``switches``: the --config values that select the runs; ``shard``: part, from 1, and number of parts, if it is a
    part of these; ``sources``: where each corpus is read from, null if it is unavailable; ``jobs``: those that rebuild
    everything else from the records, in this order; none for a part; ``logit_step``: logits are rounded to its
    multiples, if they are (`archiving.slim_archive`). ``contributor``: as --config names it; ``contributed``: who gave
    what to an archive that was merged of several.
    """

    study: str
    root: str
    switches: dict[str, str]
    shard: tuple[int, int] | None
    sources: dict[str, SourceKind | None]
    jobs: list[ArchivedJob]
    logit_step: float | None = None
    contributor: ContributorName | None = None
    contributed: Contributed | None = None


class ArchiveManifest(ArchiveSpec):
    """``manifest.json``. ``made``: files that the jobs rebuild; ``sha256``: digest of every file but the manifest."""

    format: int
    made: list[str]
    versions: dict[str, str]
    sha256: dict[str, str]
