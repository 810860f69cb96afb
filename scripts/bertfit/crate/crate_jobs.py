"""Inputs and specification of the job of the crate. Imports neither torch, pandas nor rocrate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core.errors import UserError
from bertfit.experiments.summary_specs import CrateSpec, DescriptionSpec


@dataclass(frozen=True)
class CrateJobs:
    """The crate of a study, made of its archive and of the descriptions of its corpora.

    ``rules``: those of the workflow, each with a ``name`` and, where it runs one, a ``script``.
    """

    archiving: ArchiveJobs
    rules: Any

    @property
    def path(self) -> str:
        """The crate."""
        return f"{self.archiving.path.removesuffix('.zip')}.crate.zip"

    @property
    def checklist(self) -> str:
        """The REFORMS checklist."""
        return f"{self.archiving.root}/reforms{self.archiving.jobs.registry.part}.md"

    @property
    def corpora(self) -> list[str]:
        """The corpora that the study reads; none of a part, which is not described."""
        return [] if self.archiving.shards.shard else self.archiving.reporting.corpora

    def descriptions(self) -> list[str]:
        """The Croissant description of each corpus, in the order of `corpora`. Raises `UserError` for a part."""
        if self.archiving.shards.shard:
            raise UserError(
                "a part of a study has no crate; merge all parts (scripts/merge.py), then scripts/make_crate.py"
            )
        return [f"{self.archiving.root}/corpora/{corpus}/croissant.json" for corpus in self.corpora]

    def description_spec(self, corpus: str) -> DescriptionSpec:
        """Specification of rule describe_corpus."""
        return DescriptionSpec(corpus=corpus)

    def spec(self) -> CrateSpec:
        """Specification of rule crate_study."""
        scripts = {rule.name: Path(str(rule.script)).stem for rule in self.rules if rule.script}
        return CrateSpec(corpora=self.corpora, scripts=scripts)
