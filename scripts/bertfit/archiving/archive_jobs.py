"""Inputs and specification of the archive: the records of a study, and the jobs that rebuild everything else.

The files and values of such a job are those of its rule. Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bertfit.config.corpus_schema import Spec
from bertfit.experiments.job_specs import Files, plain
from bertfit.export.archive_manifest import ArchivedJob, ArchiveSpec
from bertfit.workflow.artefact_jobs import SCORED, SCRIPT_OF_KIND, ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.score_jobs import ScoreJobs
from bertfit.workflow.shards import Shards
from bertfit.workflow.training_jobs import TrainingJobs


@dataclass(frozen=True)
class ArchiveJobs:
    """Records and archived jobs of a study, of the artefacts that --config artefacts selects, or of one part of them.

    The archive of a part (--config shard) has records alone: tables, verdicts and report need those of all parts.
    """

    jobs: TrainingJobs
    artefacts: ArtefactJobs
    reporting: ReportJobs

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.jobs.root

    @cached_property
    def shards(self) -> Shards:
        """The parts that --config shard selects from."""
        return Shards(self.reporting)

    @property
    def path(self) -> str:
        """The archive."""
        return f"{self.root}{self.shards.infix}.zip"

    @property
    def own_studies(self) -> list[str]:
        """The study's files outside of ``studies/``, which are archived there."""
        return [str(path) for path in self.jobs.registry.settings.own_studies]

    def targets(self) -> list[str]:
        """Targets of rule all: everything of the study, or the records of a part."""
        return self.records() if self.shards.shard else self.artefacts.everything()

    def spec(self) -> ArchiveSpec:
        """Specification of rule archive_study."""
        settings = self.jobs.registry.settings
        return ArchiveSpec(
            study=settings.name,
            root=self.root,
            switches=self._switches(),
            shard=self.shards.shard,
            sources={corpus: settings.source(corpus) for corpus in settings.study.corpora},
            jobs=[] if self.shards.shard else list(self.archived()),
            contributor=settings.switches.contributor,
            contributed=self.reporting.contributed,
        )

    def records(self) -> list[str]:
        """Inputs of the jobs of the whole that none of them writes: records of all trainings and of their corpora.

        With --config shard those of one part.
        """
        jobs = list(self.archived())
        rebuilt = {path for job in jobs for path in paths(job.output)}
        read = dict.fromkeys(path for job in jobs for path in paths(job.input))
        records = [path for path in read if path not in rebuilt]
        return [path for path in records if self.shards.holds(path)] if self.shards.shard else records

    def rebuilt(self) -> list[str]:
        """Outputs of the archived jobs, in their order; none of a part."""
        return [] if self.shards.shard else [path for job in self.archived() for path in paths(job.output)]

    def archived(self) -> Iterator[ArchivedJob]:
        """The jobs of the whole, each after those whose outputs it reads."""
        registry, reporting = self.jobs.registry, self.reporting
        read_by_report = set(reporting.score_files())
        for key in registry.chosen:
            kind = registry.artefacts[key].kind
            if kind in SCORED or self.artefacts.scores(key) in read_by_report:
                yield self._scores(self.artefacts.scores(key), key)
            targets: Files = {path.rsplit(".", 1)[1]: path for path in self.artefacts.targets(key)}
            yield _job(SCRIPT_OF_KIND[kind], self.artefacts.inputs(key), targets, self.artefacts.spec(key))
        if not registry.settings.switches.artefacts:
            yield self._scores(f"{self.root}/results.parquet")
        verdicts: Files = {**reporting.claim_outputs()}
        yield _job("judge_claims", reporting.claim_inputs(), verdicts, reporting.claim_spec())
        page = [f"{self.root}/report{registry.part}.html"]
        yield _job("build_report", reporting.report_inputs(), page, reporting.report_spec())

    def _switches(self) -> dict[str, str]:
        """The --config values that select runs, the same text for the same selection."""
        registry, given = self.jobs.registry, self.jobs.registry.settings.switches
        corpora = [name for name in registry.settings.study.corpora if name in given.corpora]
        values = {
            "study": registry.settings.name.partition(".")[0],  # what follows is of a sample or of your own dataset
            "corpora": "+".join(corpora),
            "artefacts": "+".join(registry.chosen if given.artefacts else []),
            "sample": "none" if given.whole_corpora else given.sample,
            "seeds": registry.settings.seed_switch,
            "text": given.own_data.get("text"),  # of your own dataset
        }
        return {name: str(value) for name, value in values.items() if value}

    def _scores(self, out: str, artefact: str | None = None) -> ArchivedJob:
        scores = ScoreJobs(self.jobs)
        return _job("score_runs", {**scores.scored_files(artefact)}, [out], scores.score_spec(artefact))


def paths(files: Files) -> list[str]:
    """All paths of an input or output."""
    named = files.values() if isinstance(files, dict) else files
    return [path for value in named for path in ([value] if isinstance(value, str) else value)]


def _job(script: str, inputs: Files, outputs: Files, spec: Spec) -> ArchivedJob:
    return ArchivedJob(script=script, input=inputs, output=outputs, spec=plain(spec))
