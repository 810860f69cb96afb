"""What the archive of a study holds: its records, and the stages that make tables, figures and page of them again.

The files and values of a stage are those that its rule has, from the same jobs. Neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bertfit.config.corpus_schema import Spec
from bertfit.experiments.job_specs import Files, plain
from bertfit.experiments.summary_specs import ArchiveSpec, ArchiveStage
from bertfit.workflow.artefact_jobs import PUBLISHED, SCORED, SCRIPTS, Artefacts
from bertfit.workflow.report_jobs import Reporting
from bertfit.workflow.training_jobs import Jobs


@dataclass(frozen=True)
class Archiving:
    """Records and stages of a study; of a choice of artefacts theirs alone."""

    jobs: Jobs
    artefacts: Artefacts
    reporting: Reporting

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.jobs.root

    def spec(self) -> ArchiveSpec:
        """All that the archive depends on beside its files."""
        return ArchiveSpec(study=self.jobs.registry.settings.name, root=self.root, stages=list(self.stages()))

    def records(self) -> list[str]:
        """What the stages start from: records of all that was trained, facts of what it was trained on."""
        made = set(self.made())
        read = [path for stage in self.stages() for path in paths(stage.input)]
        return [path for path in dict.fromkeys(read) if path not in made and path != PUBLISHED]

    def made(self) -> list[str]:
        """What the stages make, in their order."""
        return [path for stage in self.stages() for path in paths(stage.output)]

    def stages(self) -> Iterator[ArchiveStage]:
        """In an order in which each finds what it reads."""
        registry, reporting = self.jobs.registry, self.reporting
        for key in registry.chosen:
            kind = registry.artefacts[key].kind
            if kind in SCORED:
                yield self._scores(self.artefacts.scores(key), key)
            targets: Files = {path.rsplit(".", 1)[1]: path for path in self.artefacts.targets(key)}
            yield _stage(SCRIPTS[kind], self.artefacts.inputs(key), targets, self.artefacts.spec(key))
        if not registry.settings.switches.artefacts:
            yield self._scores(f"{self.root}/results.parquet")
        verdicts: Files = {**reporting.claim_outputs()}
        yield _stage("judge_claims", reporting.claim_inputs(), verdicts, reporting.claim_spec())
        page = [f"{self.root}/report{registry.part}.html"]
        yield _stage("build_report", reporting.report_inputs(), page, reporting.report_spec())

    def _scores(self, out: str, artefact: str | None = None) -> ArchiveStage:
        return _stage("score_runs", {**self.jobs.scored_files(artefact)}, [out], self.jobs.score_spec(artefact))


def paths(files: Files) -> list[str]:
    """All paths of a stage's input or output."""
    named = files.values() if isinstance(files, dict) else files
    return [path for value in named for path in ([value] if isinstance(value, str) else value)]


def _stage(script: str, read: Files, made: Files, spec: Spec) -> ArchiveStage:
    return ArchiveStage(script=script, input=read, output=made, spec=plain(spec))
