"""What the jobs of tables and figures read (paths) and show (values): the registry as their rules need it."""

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
from bertfit.workflow.training_jobs import Jobs

TABLE_TEMPLATES = Path(__file__).parents[1] / "artefacts" / "templates"
PUBLISHED = "paper/published.csv"
SCRIPTS = {
    "statistics": "tabulate_corpora",
    "table": "tabulate_runs",
    "curves": "plot_curves",
    "steps": "plot_steps",
    "sizes": "plot_sizes",
    "lineage": "draw_lineage",
    "forgetting": "tabulate_forgetting",
    "reliability": "plot_reliability",
}
"""kind of artefact -> script that makes it"""
SCORED = ("table", "steps", "sizes")
"""kinds that are made from scores"""
FIGURES = ("curves", "steps", "sizes", "lineage", "reliability")


@dataclass(frozen=True)
class Artefacts:
    """Inputs and values of every artefact of a study."""

    jobs: Jobs

    def of_kind(self, *kinds: str) -> list[str]:
        """Artefacts of some kinds."""
        return [key for key, artefact in self.jobs.registry.artefacts.items() if artefact.kind in kinds]

    def targets(self, artefact: str) -> list[str]:
        """The files of one artefact."""
        root = self.jobs.root
        if self.jobs.registry.artefacts[artefact].kind in FIGURES:
            return [f"{root}/figures/{artefact}.{form}" for form in ("svg", "png", "csv")]
        return [f"{root}/tables/{artefact}.{form}" for form in ("csv", "md", "tex", "html")]

    def everything(self) -> list[str]:
        """The files of all artefacts, verdicts, page and the table of all runs; of a choice of artefacts not that."""
        registry, root = self.jobs.registry, self.jobs.root
        files = [path for artefact in registry.chosen for path in self.targets(artefact)]
        files += [f"{root}/claims{registry.part}.md", f"{root}/report{registry.part}.html"]
        return files if registry.settings.switches.artefacts else [*files, f"{root}/results.parquet"]

    def spec(self, artefact: str) -> ArtefactSpec:
        """What an artefact shows: its declaration, and by kind its cells, corpora, lines, paths or encoders."""
        registry = self.jobs.registry
        declared, comparable = registry.artefacts[artefact], registry.settings.study.comparable
        about = ArtefactSpec(
            key=artefact,
            artefact=declared,
            study=registry.settings.name,
            comparable=comparable,
            templates="" if declared.kind in FIGURES else code_digest.templates(TABLE_TEMPLATES),
        )
        if declared.kind == "statistics":
            return StatisticsSpec(**vars(about), corpora=self.corpora(artefact))
        if declared.kind == "lineage":
            return DiagramSpec(**vars(about), paths=self._paths(declared))
        if declared.kind == "forgetting":
            return ForgettingSpec(**vars(about), encoders=self._encoders())
        cells = [self._cell(cell, declared) for cell in registry.cells[artefact]]
        if declared.kind in ("curves", "reliability"):
            lines = [self._line(cell, declared) for cell in registry.cells[artefact]]
            return LinesSpec(**vars(about), cells=cells, lines=lines)
        return CellsSpec(**vars(about), cells=cells)

    def corpora(self, artefact: str) -> dict[str, CorpusColumn]:
        """The columns of a table of statistics."""
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
        """Error rates of the runs behind an artefact."""
        return f"{self.jobs.root}/scores/{artefact}.parquet"

    def inputs(self, artefact: str) -> Files:
        """What the job of an artefact reads; by name where its script asks for names."""
        registry, root = self.jobs.registry, self.jobs.root
        kind = registry.artefacts[artefact].kind
        if kind in SCORED:
            return {"results": self.scores(artefact), "published": PUBLISHED}
        if kind == "statistics":
            names = [name for name in registry.artefacts[artefact].columns if registry.unavailable(name) is None]
            cards = [f"{root}/corpora/{name}/card.json" for name in names]
            train, test = (
                [self.jobs.tokens(name, registry.base_of(name), split) for name in names] for split in SPLITS
            )
            return {"cards": cards, "train": train, "test": test, "published": PUBLISHED}
        if kind == "curves":
            histories = [f"{root}/{job.path}/history.csv" for job in registry.jobs(artefact)]
            return {"histories": histories, "published": PUBLISHED}
        if kind == "reliability":
            return self.jobs.run_files(artefact)
        return [encoder.record for encoder in self._encoders() if encoder.record] if kind == "forgetting" else []

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
        """Steps of the last further pre-training behind a cell; those asked for where there is no run."""
        row = artefact.rows[cell.row]
        if cell.run_group is None:
            return self.jobs.registry.settings.steps(row.steps, {}) if row.mix else 0
        if row.baseline:
            return 0
        stages = ids.parse_encoder(cell.run_group.encoder).stages
        return next((stage.steps for stage in reversed(stages) if isinstance(stage, ids.PretrainingStage)), 0)

    def _line(self, cell: Cell, artefact: Artefact) -> LineSpec:
        run_group = cell.run_group if artefact.kind == "curves" else None
        rate = f" (lr={self.jobs.recipe(run_group.recipe).lr:g})" if run_group else ""
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
                    titles = [self._title(name) for name in registry.texts_in_hand(stage.mix)]
                    detail = f"{', '.join(titles)}; {stage.steps:,} steps"
                    stages.append(DiagramStage(kind="pretraining", label="Further pre-training", detail=detail))
            stages.append(DiagramStage(kind="finetuning", label="Single-task fine-tuning", detail=column))
            paths.append(DiagramPath(row=label, stages=stages))
        return paths

    def _encoders(self) -> list[PretrainedEncoder]:
        """Every encoder that was pre-trained further and measured on held-out text, and the record of that."""
        registry = self.jobs.registry
        found = []
        for encoder in self.jobs.pretrained:
            stages = ids.parse_encoder(encoder).stages
            if stages and isinstance(stages[-1], ids.PretrainingStage) and self.jobs.held_out(encoder):
                found.append(
                    PretrainedEncoder(
                        encoder=encoder,
                        title=registry.base(encoder).title,
                        mix=", ".join(self._title(name) for name in registry.texts_in_hand(stages[-1].mix)),
                        steps=stages[-1].steps,
                        record=f"{self.jobs.root}/encoders/{encoder}/run.json",
                        status="ok",
                        reason="",
                    )
                )
        return found

    def _title(self, name: str) -> str:
        corpora = self.jobs.registry.settings.study.corpora
        return corpora[name].title if name in corpora else name
