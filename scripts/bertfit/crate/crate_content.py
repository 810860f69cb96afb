"""What a crate describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bertfit.provenance.citation import Citation
from bertfit.provenance.job_runs import JobRun
from bertfit.provenance.study_facts import StudyFacts


@dataclass(frozen=True)
class CrateContent:
    """A study, its jobs, and the files of the crate.

    ``files``: path -> (SHA-256, bytes) of every file but the metadata; ``descriptions``: corpus -> path of its
    Croissant description; ``published``: ISO 8601; ``installed``: the version of Snakemake on this
    machine, where no record says another.
    """

    facts: StudyFacts
    citation: Citation
    jobs: list[JobRun]
    files: Mapping[str, tuple[str, int]]
    descriptions: Mapping[str, str]
    published: str
    installed: str | None

    @property
    def results(self) -> list[str]:
        """The files that a reader opens: tables, figures, verdicts, report, and the scores of all runs."""
        return [path for path in self.facts.manifest.made if not path.startswith(f"{self.facts.root}/scores/")]

    @property
    def engine(self) -> tuple[str | None, str]:
        """Version of Snakemake, and who says so."""
        recorded = self.facts.versions.get("snakemake")
        if recorded:
            return ", ".join(recorded), "as the trainings recorded it"
        if self.installed is None:
            return None, "not known; the records name none"
        return self.installed, "the one that was installed when this crate was written; the records name none"
