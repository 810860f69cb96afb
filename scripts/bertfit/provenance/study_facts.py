"""What an unpacked archive knows of its study: cards of corpora, records of trainings, verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bertfit.claims import claim_record
from bertfit.claims.claim_record import ClaimRecord
from bertfit.core.errors import UserError
from bertfit.core.pydantic_errors import from_json
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.experiments import job_record
from bertfit.experiments.job_record import JobRecord
from bertfit.experiments.summary_specs import ReportedBlock, ReportedEncoder, ReportSpec
from bertfit.export.archive import MANIFEST
from bertfit.export.archive_manifest import ArchiveManifest

FETCH = "fetch the archive again, or write it anew with `snakemake archive`"
"""remedy of a record that cannot be read"""


@dataclass(frozen=True)
class StudyFacts:
    """A study in ``folder``, which an archive with this ``manifest`` was unpacked to (`archive.unpack`).

    Each property raises `UserError` where a record is missing or damaged.
    """

    folder: Path
    manifest: ArchiveManifest

    @property
    def root(self) -> str:
        """``results/<study>``, as in the paths of the archive."""
        return self.manifest.root

    @cached_property
    def report(self) -> ReportSpec:
        """What the report says of the study. Raises `UserError` where the archive has no report, as that of a part."""
        if self.manifest.shard:
            part, number = self.manifest.shard
            raise UserError(
                f"part {part} of {number} of a study; merge all parts first (scripts/merge.py), then describe "
                "the whole with scripts/make_crate.py"
            )
        for job in self.manifest.jobs:
            if job.script == "build_report":
                try:
                    return from_json(ReportSpec, job.spec)
                except ValueError as error:
                    raise UserError(f"{MANIFEST}: not the values of a report ({error}); {FETCH}") from error
        raise UserError(f"{MANIFEST}: the archive has no report; {FETCH}")

    @cached_property
    def cards(self) -> dict[str, CorpusCard]:
        """Corpus -> its card, of the corpora that were read."""
        corpora = [name for name, corpus in self.report.corpora.items() if not corpus.reason]
        return {name: corpus_card.read(self.path(f"corpora/{name}/card.json")) for name in corpora}

    @cached_property
    def runs(self) -> list[tuple[ReportedBlock, JobRecord]]:
        """The blocks of seeds, each with its record."""
        return [(block, self._record(f"{block.path}/run.json")) for block in self.report.runs]

    @cached_property
    def encoders(self) -> list[tuple[ReportedEncoder, JobRecord]]:
        """The encoders, each with its record."""
        return [(each, self._record(f"encoders/{each.encoder}/run.json")) for each in self.report.encoders]

    @cached_property
    def claims(self) -> list[ClaimRecord]:
        """The verdicts."""
        return claim_record.read(self.path(self.report.claims))

    @property
    def records(self) -> list[JobRecord]:
        """The records of all trainings, of encoders first."""
        return [record for _, record in (*self.encoders, *self.runs)]

    @cached_property
    def versions(self) -> dict[str, list[str]]:
        """Package -> its versions in the records of trainings, sorted: several where machines differed."""
        return _values(self.records, lambda record: record.versions)

    @cached_property
    def machines(self) -> dict[str, list[str]]:
        """``device`` and ``system`` -> the values in the records of trainings, sorted."""
        return _values(self.records, lambda record: {"device": record.machine.device, "system": record.machine.system})

    @property
    def seconds(self) -> float:
        """Seconds of all trainings, summed."""
        return sum(record.cost.total_seconds or 0.0 for record in self.records)

    @property
    def seeds(self) -> list[int]:
        """All seeds of runs, ascending."""
        return sorted({seed for block, _ in self.runs for seed in block.seeds})

    def path(self, below: str) -> Path:
        """A file below the results."""
        return self.folder / self.root / below

    def _record(self, below: str) -> JobRecord:
        return job_record.read(self.path(below), JobRecord, remedy=FETCH)


def _values(records: list[JobRecord], read: Callable[[JobRecord], dict[str, str]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, value in read(record).items():
            found[name].add(value)
    return {name: sorted(values) for name, values in found.items()}
