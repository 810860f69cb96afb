"""Inputs, outputs and specifications of the jobs of tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bertfit.config.corpus_schema import SPLITS
from bertfit.config.reasons import Unavailable
from bertfit.config.study_schema import Artefact
from bertfit.experiments import ids
from bertfit.experiments.cells import Cell
from bertfit.experiments.job_specs import (
    ArtefactSpec,
    CellSpec,
    CellsSpec,
    CorpusColumn,
    DiagramPath,
    DiagramSpec,
    DiagramStage,
    Files,
    ForgettingSpec,
    LineSpec,
    LinesSpec,
    PretrainedEncoder,
    StatisticsSpec,
)
from bertfit.workflow import code_digest
from bertfit.workflow.training_jobs import TrainingJobs

TABLE_TEMPLATES = Path(__file__).parents[1] / "artefacts" / "templates"
"""those of `table_rendering`, which is not imported here: a dry run would load jinja2"""
SCRIPT_OF_KIND = {
    "statistics": "tabulate_corpora",
    "table": "tabulate_runs",
    "curves": "plot_curves",
    "steps": "plot_steps",
    "sizes": "plot_sizes",
    "lineage": "draw_lineage",
    "forgetting": "tabulate_forgetting",
    "reliability": "plot_reliability",
}
"""kind of artefact -> name of its rule and script"""
SCORED = ("table", "steps", "sizes")
"""kinds whose script reads the scores of runs"""
COMPARED = ("statistics", "table", "curves", "steps", "sizes")
"""kinds whose script reads the published values"""
FIGURES = ("curves", "steps", "sizes", "lineage", "reliability")


@dataclass(frozen=True)
class ArtefactJobs:
    """Inputs, outputs and specification of every artefact of a study."""

    jobs: TrainingJobs

    def of_kind(self, *kinds: str) -> list[str]:
        """Names of the artefacts of these kinds."""
        return [key for key, artefact in self.jobs.registry.artefacts.items() if artefact.kind in kinds]

    def targets(self, artefact: str) -> list[str]:
        """The output files of one artefact."""
        root = self.jobs.root
        if self.jobs.registry.artefacts[artefact].kind in FIGURES:
            return [f"{root}/figures/{artefact}.{suffix}" for suffix in ("svg", "png", "csv")]
        return [f"{root}/tables/{artefact}.{suffix}" for suffix in ("csv", "md", "tex", "html")]

    def everything(self) -> list[str]:
        """Targets of rule all: artefacts, verdicts, report and (not with --config artefacts) the scores of all runs."""
        registry, root = self.jobs.registry, self.jobs.root
        files = [path for artefact in registry.chosen for path in self.targets(artefact)]
        files += [f"{root}/claims{registry.part}.md", f"{root}/report{registry.part}.html"]
        return files if registry.settings.switches.artefacts else [*files, f"{root}/results.parquet"]

    def spec(self, artefact: str) -> ArtefactSpec:
        """Specification of the job of an artefact: declaration, and by kind its cells, corpora, lines or encoders."""
        registry = self.jobs.registry
        declared, comparable = registry.artefacts[artefact], registry.settings.study.comparable
        about = ArtefactSpec(
            key=artefact,
            artefact=declared,
            study=registry.settings.name,
            comparable=comparable,
            templates="" if declared.kind in FIGURES else code_digest.templates(TABLE_TEMPLATES),
            published=code_digest.of_paper("published.csv") if declared.kind in COMPARED else "",
        )
        if declared.kind == "statistics":
            return StatisticsSpec(**vars(about), corpora=self.corpora(artefact))
        if declared.kind == "lineage":
            return DiagramSpec(**vars(about), paths=self._paths(declared))
        if declared.kind == "forgetting":
            return ForgettingSpec(**vars(about), encoders=self._encoders())
        cells = self.cells(artefact)
        if declared.kind in ("curves", "reliability"):
            lines = [self._line(cell, declared) for cell in registry.cells[artefact]]
            return LinesSpec(**vars(about), cells=cells, lines=lines)
        return CellsSpec(**vars(about), cells=cells)

    def cells(self, artefact: str) -> list[CellSpec]:
        """The cells of an artefact."""
        registry = self.jobs.registry
        return [self._cell(cell, registry.artefacts[artefact]) for cell in registry.cells[artefact]]

    def corpora(self, artefact: str) -> dict[str, CorpusColumn]:
        """The columns of a table of corpus statistics."""
        registry = self.jobs.registry
        declared = registry.settings.study.corpora
        return {
            corpus: CorpusColumn(
                title=column,
                domain=declared[corpus].domain if corpus in declared else None,
                max_length=registry.default.max_length,
                reason=unavailable.reason if (unavailable := registry.unavailable(corpus)) else "",
            )
            for corpus, column in registry.artefacts[artefact].columns.items()
        }

    # ------------------------------------------------------------------------------------------ inputs

    def scores(self, artefact: str) -> str:
        """The scores of the runs of an artefact."""
        return f"{self.jobs.root}/scores/{artefact}.parquet"

    def labels(self, artefact: str, form: str) -> dict[str, str]:
        """How Snakemake's report lists a file of an artefact; ``form``: what the file is."""
        declared = self.jobs.registry.artefacts[artefact]
        return {"artefact": declared.number, "title": declared.title, "form": form}

    def inputs(self, artefact: str) -> Files:
        """Input files of the job of an artefact."""
        registry, root = self.jobs.registry, self.jobs.root
        kind = registry.artefacts[artefact].kind
        if kind in SCORED:
            return {"results": self.scores(artefact)}
        if kind == "statistics":
            names = [name for name in registry.artefacts[artefact].columns if registry.unavailable(name) is None]
            cards = [f"{root}/corpora/{name}/card.json" for name in names]
            train, test = (
                [self.jobs.tokens(name, registry.base_of(name), split) for name in names] for split in SPLITS
            )
            return {"cards": cards, "train": train, "test": test}
        if kind == "curves":
            histories = [f"{root}/{job.path}/history.csv" for job in registry.jobs(artefact)]
            return {"histories": histories}
        if kind == "reliability":
            return self.jobs.run_files(artefact)
        return [path for encoder in self._encoders() for path in encoder.records] if kind == "forgetting" else []

    # ------------------------------------------------------------------------------------------ by kind

    def _cell(self, cell: Cell, artefact: Artefact) -> CellSpec:
        run_group = cell.run_group
        return CellSpec(
            row=cell.row,
            column=cell.column,
            corpus=cell.corpus,
            encoder=run_group.encoder if run_group else None,
            recipe=run_group.recipe if run_group else None,
            steps=self._steps(cell, artefact),
            size=cell.size,
            share=cell.share,
            seeds=list(cell.seeds),
            status=cell.status,
            reason=cell.reason,
            note=cell.note,
            runs=[f"../{path}" for path in self.jobs.folders(cell)],
        )

    def _steps(self, cell: Cell, artefact: Artefact) -> int:
        """Steps of the last further pre-training of a cell's encoder; without a run, those that the row declares."""
        row = artefact.rows[cell.row]
        if cell.run_group is None:
            return self.jobs.registry.settings.steps(row.steps, {}) if row.mix else 0
        if row.baseline:
            return 0
        stages = ids.parse_encoder(cell.run_group.encoder).stages
        return next((stage.steps for stage in reversed(stages) if isinstance(stage, ids.PretrainingStage)), 0)

    def _line(self, cell: Cell, artefact: Artefact) -> LineSpec:
        run_group = cell.run_group if artefact.kind == "curves" else None
        rate = f" (lr={self.jobs.registry.recipe(run_group.recipe).lr:g})" if run_group else ""
        return LineSpec(
            label=f"{cell.row}{rate}",
            published=artefact.rows[cell.row].published or cell.row,
            histories=[f"{self.jobs.root}/{path}/history.csv" for path in self.jobs.folders(cell)],
            seeds=list(cell.seeds),
            status=cell.status,
            reason=cell.reason,
        )

    def _paths(self, artefact: Artefact) -> list[DiagramPath]:
        """For each row the stages from the base encoder to the fine-tuned classifier."""
        registry = self.jobs.registry
        (corpus, column), *_ = artefact.columns.items()
        paths = []
        for label, row in artefact.rows.items():
            lineage = registry.unavailable(corpus) or registry.lineage(row, corpus)
            if isinstance(lineage, Unavailable):
                continue
            base = registry.settings.study.encoders[lineage.base].title
            stages = [DiagramStage(kind="base", label=base, detail="")]
            for stage in lineage.stages:
                if isinstance(stage, ids.MultitaskStage):
                    titles = [self._title(name) for name in registry.multitask(stage.group)[0].corpora]
                    stages.append(
                        DiagramStage(kind="multitask", label="Multi-task fine-tuning", detail=", ".join(titles))
                    )
                else:
                    titles = [self._title(name) for name in registry.available_texts(stage.mix)]
                    detail = f"{', '.join(titles)}; {stage.steps:,} steps"
                    stages.append(DiagramStage(kind="pretraining", label="Further pre-training", detail=detail))
            stages.append(DiagramStage(kind="finetuning", label="Single-task fine-tuning", detail=column))
            paths.append(DiagramPath(row=label, stages=stages))
        return paths

    def _encoders(self) -> list[PretrainedEncoder]:
        """The further pre-trained encoders whose loss on held-out text is measured; one of several seeds is one."""
        registry = self.jobs.registry
        encoders = []
        for encoder, seeds in self.jobs.further_pretrained.items():
            last = ids.parse_encoder(encoder).last
            assert isinstance(last, ids.PretrainingStage)
            if self.jobs.held_out(encoder):
                encoders.append(
                    PretrainedEncoder(
                        encoder=encoder,
                        title=registry.base(encoder).title,
                        mix=", ".join(self._title(name) for name in registry.available_texts(last.mix)),
                        steps=last.steps,
                        records=[f"{self.jobs.root}/encoders/{each}/run.json" for each in seeds],
                    )
                )
        return encoders

    def _title(self, name: str) -> str:
        corpora = self.jobs.registry.settings.study.corpora
        return corpora[name].title if name in corpora else name
