"""Inputs and specification of the job of the report (rule build_report)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bertfit.claims.expected import EXPECTED
from bertfit.contributions.contributed import Contributed
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Cell, Job, RunGroup
from bertfit.experiments.job_specs import Files
from bertfit.experiments.summary_specs import (
    ReportedArtefact,
    ReportedBlock,
    ReportedCell,
    ReportedCorpus,
    ReportedEncoder,
    ReportedStudy,
    ReportSpec,
    TrainingStage,
)
from bertfit.workflow import code_digest
from bertfit.workflow.artefact_jobs import FIGURES, TABLE_TEMPLATES, ArtefactJobs
from bertfit.workflow.claim_jobs import ClaimJobs, address, behind

REPORTED_RUN_FILES = ("run.json", "history.csv", "predictions.parquet")
REPORTED_ENCODER_FILES = ("run.json", "history.csv")
TEMPLATES = Path(__file__).parents[1] / "report" / "templates"


@dataclass(frozen=True)
class ReportJobs(ClaimJobs):
    """Files and specification of rule build_report, for all artefacts or those that --config artefacts selects.

    ``contributed``: who gave what to a merged archive; None for a study that was run as one.
    """

    contributed: Contributed | None = None

    def artefact_files(self) -> list[str]:
        """The files of each artefact that the report shows: CSV, and SVG of figures."""
        targets = (path for key in self.jobs.registry.chosen for path in ArtefactJobs(self.jobs).targets(key))
        return [path for path in targets if path.endswith((".csv", ".svg"))]

    @property
    def scores(self) -> list[str]:
        """Scores of all runs, below the results folder; with --config artefacts one file per artefact."""
        registry = self.jobs.registry
        if not registry.settings.switches.artefacts:
            return ["results.parquet"]
        return [f"scores/{key}.parquet" for key in registry.chosen if registry.jobs(key)]

    def score_files(self) -> list[str]:
        """Paths of `scores`."""
        return [f"{self.jobs.root}/{path}" for path in self.scores]

    def run_files(self, name: str) -> list[str]:
        """One file of every training job: run.json, history.csv or predictions.parquet."""
        return [f"{self.jobs.root}/{job.path}/{name}" for job in self.runs]

    def encoder_files(self, name: str) -> list[str]:
        """run.json of every encoder, or history.csv of those that the workflow trains."""
        trained = [encoder for encoder in self.encoders if encoder not in self.jobs.fetched]
        encoders = self.encoders if name == "run.json" else trained
        return [f"{self.jobs.root}/encoders/{encoder}/{name}" for encoder in encoders]

    def plan_files(self) -> list[str]:
        """The plan of the whole study, if `snakemake plan` has written one."""
        path, switches = f"{self.jobs.root}/plan.json", self.jobs.registry.settings.switches
        return [path] if not (switches.artefacts or switches.shard) and Path(path).is_file() else []

    def corpus_files(self) -> list[str]:
        """Cards of the corpora and of their pre-training texts, and test splits whose texts may be shown."""
        cards = [f"{self.jobs.root}/corpora/{name}/card.json" for name in self.corpora]
        texts = [f"{self.jobs.root}/corpora/{name}/test.parquet" for name in self._shown_texts]
        return cards + self.documents + texts

    def report_inputs(self) -> Files:
        """Input files of the job."""
        files = [*self.artefact_files(), *self.corpus_files(), *self.score_files()]
        files += [path for name in REPORTED_RUN_FILES for path in self.run_files(name)]
        files += [path for name in REPORTED_ENCODER_FILES for path in self.encoder_files(name)]
        plan = self.plan_files()
        inputs: dict[str, str | list[str]] = {"files": files, "claims": self.claim_outputs()["json"]}
        return inputs | ({"plan": plan[0]} if plan else {})

    def report_spec(self) -> ReportSpec:
        """Specification: the values of the report that no input file holds; paths are below the results folder."""
        settings = self.jobs.registry.settings
        study = settings.study
        return ReportSpec(
            claims=f"claims{self.jobs.registry.part}.json",
            study=ReportedStudy(
                name=settings.name,
                title=study.title,
                comparable=study.comparable,
                base=study.encoders[study.base].title,
                others={name: (study.encoders[name].title, list(keys)) for name, keys in study.others.items()},
                seeds=study.seeds,
            ),
            default=self.jobs.registry.default,
            artefacts=[self._artefact(key) for key in self.jobs.registry.chosen],
            scores=self.scores,
            runs=[self._run(job) for job in self.runs],
            encoders=[self._encoder(encoder) for encoder in self.encoders],
            corpora=self._corpora(),
            texts=self._shown_texts,
            behind={question.id: [behind(contrast) for contrast in question.contrasts] for question in self.questions},
            expected={claim: why for claim, (_, why) in EXPECTED.items()} if self.expected else {},
            templates=code_digest.templates(TEMPLATES, TABLE_TEMPLATES),
            contributed=self.contributed,
        )

    # ------------------------------------------------------------------------------------------ parts

    def _artefact(self, key: str) -> ReportedArtefact:
        declared = self.jobs.registry.artefacts[key]
        columns = ArtefactJobs(self.jobs).corpora(key) if declared.kind == "statistics" else {}
        return ReportedArtefact(
            key=key,
            kind=declared.kind,
            number=declared.number,
            title=declared.title,
            caption=declared.caption,
            section=declared.section,
            columns=declared.columns,
            average=declared.average,
            figure=declared.kind in FIGURES,
            cells=[_cell(cell) for cell in self.jobs.registry.cells.get(key, [])],
            reasons={name: column.reason for name, column in columns.items() if column.reason},
        )

    def _run(self, job: Job) -> ReportedBlock:
        cells = self.jobs.registry.cells
        chosen = [key for key in self.jobs.registry.chosen if key in cells]
        return ReportedBlock(
            path=job.path,
            **vars(job.run_group),
            seeds=job.seeds,
            stage=self._stage(job.run_group),
            shown_in=[key for key in chosen if any(cell.run_group == job.run_group for cell in cells[key])],
        )

    def _stage(self, run_group: RunGroup) -> TrainingStage:
        if run_group.encoder == BASELINE:
            return "baseline"
        return "features" if self.jobs.registry.recipe(run_group.recipe).classifier == "bilstm" else "fine-tuning"

    def _encoder(self, encoder: str) -> ReportedEncoder:
        lineage = ids.parse_encoder(encoder)
        trained: TrainingStage = "multi-task fine-tuning" if encoder in self.jobs.multitasked else "pre-training"
        return ReportedEncoder(
            encoder=encoder,
            title=self.jobs.registry.base(encoder).title,
            parent=ids.format_encoder(lineage.parent) if lineage.stages else None,
            saved_from=ids.saved_from(encoder),
            stage="fetched" if encoder in self.jobs.fetched else trained,
        )

    def _corpora(self) -> dict[str, ReportedCorpus]:
        """Every corpus that the study declares or its artefacts name, in the order declared."""
        registry = self.jobs.registry
        declared = registry.settings.study.corpora
        titles = {name: title for key in registry.chosen for name, title in registry.artefacts[key].columns.items()}
        titles = {**{name: corpus.title for name, corpus in declared.items()}, **titles}
        documents = [PurePosixPath(path).name for path in self.documents]
        return {
            name: ReportedCorpus(
                title=declared[name].title if name in declared else title,
                reason=self._reason(name),
                documents=[file for file in documents if file.split(".")[0] == name],
            )
            for name, title in titles.items()
        }

    def _reason(self, corpus: str) -> str:
        """Why a corpus is not read; empty if it is."""
        if corpus in self.corpora:
            return ""
        unavailable = self.jobs.registry.unavailable(corpus)
        return unavailable.reason if unavailable else "no artefact asks for it"

    @property
    def _shown_texts(self) -> list[str]:
        """Corpora whose test texts the report may show: synthetic ones, and the user's own dataset."""
        own = self.jobs.registry.settings.study.own
        return [
            name
            for name in [*self.synthetic, *([own.corpus] if own else [])]
            if any(job.run_group.corpus == name for job in self.runs)
        ]


def _cell(cell: Cell) -> ReportedCell:
    return ReportedCell(
        row=cell.row,
        column=cell.column,
        run=address(cell.run_group) if cell.run_group else None,
        size=cell.size,
        status=cell.status,
        reason=cell.reason,
        note=cell.note,
    )
