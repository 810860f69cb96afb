"""Inputs and specification of the archive: the records of a study, and the jobs that rebuild everything else.

The files and values of such a job are those of its rule. Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bertfit.config.corpus_schema import Spec
from bertfit.experiments.job_specs import Files, plain
from bertfit.experiments.summary_specs import ArchivedJob, ArchiveSpec
from bertfit.workflow.artefact_jobs import PUBLISHED, SCORED, SCRIPT_OF_KIND, ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.training_jobs import TrainingJobs


@dataclass(frozen=True)
class ArchiveJobs:
    """Records and archived jobs of a study, or of the artefacts that --config artefacts selects."""

    jobs: TrainingJobs
    artefacts: ArtefactJobs
    reporting: ReportJobs

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.jobs.root

    def spec(self) -> ArchiveSpec:
        """Specification of rule archive_study."""
        return ArchiveSpec(study=self.jobs.registry.settings.name, root=self.root, jobs=list(self.archived()))

    def records(self) -> list[str]:
        """Inputs of the archived jobs that none of them writes: records of all trainings and of their corpora."""
        rebuilt = set(self.rebuilt())
        read = [path for job in self.archived() for path in paths(job.input)]
        return [path for path in dict.fromkeys(read) if path not in rebuilt and path != PUBLISHED]

    def rebuilt(self) -> list[str]:
        """Outputs of the archived jobs, in their order."""
        return [path for job in self.archived() for path in paths(job.output)]

    def archived(self) -> Iterator[ArchivedJob]:
        """The archived jobs, each after those whose outputs it reads."""
        registry, reporting = self.jobs.registry, self.reporting
        for key in registry.chosen:
            kind = registry.artefacts[key].kind
            if kind in SCORED:
                yield self._scores(self.artefacts.scores(key), key)
            targets: Files = {path.rsplit(".", 1)[1]: path for path in self.artefacts.targets(key)}
            yield _job(SCRIPT_OF_KIND[kind], self.artefacts.inputs(key), targets, self.artefacts.spec(key))
        if not registry.settings.switches.artefacts:
            yield self._scores(f"{self.root}/results.parquet")
        verdicts: Files = {**reporting.claim_outputs()}
        yield _job("judge_claims", reporting.claim_inputs(), verdicts, reporting.claim_spec())
        page = [f"{self.root}/report{registry.part}.html"]
        yield _job("build_report", reporting.report_inputs(), page, reporting.report_spec())

    def _scores(self, out: str, artefact: str | None = None) -> ArchivedJob:
        return _job("score_runs", {**self.jobs.scored_files(artefact)}, [out], self.jobs.score_spec(artefact))


def paths(files: Files) -> list[str]:
    """All paths of an input or output."""
    named = files.values() if isinstance(files, dict) else files
    return [path for value in named for path in ([value] if isinstance(value, str) else value)]


def _job(script: str, inputs: Files, outputs: Files, spec: Spec) -> ArchivedJob:
    return ArchivedJob(script=script, input=inputs, output=outputs, spec=plain(spec))
