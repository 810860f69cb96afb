"""What the jobs of tables and figures read (paths) and show (values): the registry as their rules need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bertfit.config.reasons import Unavailable
from bertfit.config.study_schema import Artefact
from bertfit.experiments import ids
from bertfit.experiments.cells import Cell
from bertfit.workflow.training_jobs import Jobs

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
        return files if registry.settings.chosen else [*files, f"{root}/results.parquet"]

    def spec(self, artefact: str) -> dict[str, Any]:
        """What an artefact shows: its declaration, and by kind its cells, corpora, lines, paths or encoders."""
        registry = self.jobs.registry
        declared = registry.artefacts[artefact]
        spec: dict[str, Any] = {
            "key": artefact,
            "artefact": declared.model_dump(),
            "study": registry.settings.name,
            "comparable": registry.settings.study.comparable,
        }
        if declared.kind == "statistics":
            return spec | {"corpora": self._corpora(declared)}
        if declared.kind == "lineage":
            return spec | {"paths": self._paths(declared)}
        if declared.kind == "forgetting":
            return spec | {"encoders": self._encoders()}
        spec["cells"] = [self._cell(cell, declared) for cell in registry.cells[artefact]]
        if declared.kind in ("curves", "reliability"):
            spec["lines"] = [self._line(cell, declared) for cell in registry.cells[artefact]]
        return spec

    # ------------------------------------------------------------------------------------------ inputs

    def statistics_files(self, artefact: str, split: str | None = None) -> list[str]:
        """Cards (no split) or tokens of an artefact's corpora that can be had."""
        registry = self.jobs.registry
        names = [name for name in registry.artefacts[artefact].columns if registry.unavailable(name) is None]
        if split is None:
            return [f"{self.jobs.root}/corpora/{name}/card.json" for name in names]
        return [self.jobs.tokens(name, registry.base_of(name), split) for name in names]

    def histories(self, artefact: str) -> list[str]:
        """history.csv of the runs behind a figure."""
        return [f"{self.jobs.root}/{job.path}/history.csv" for job in self.jobs.registry.jobs(artefact)]

    def records(self) -> list[str]:
        """run.json of every further pre-trained encoder."""
        return [entry["record"] for entry in self._encoders()]

    # ------------------------------------------------------------------------------------------ by kind

    def _cell(self, cell: Cell, artefact: Artefact) -> dict[str, Any]:
        trainee = cell.trainee
        return {
            "row": cell.row,
            "column": cell.column,
            "corpus": cell.corpus,
            "encoder": trainee.encoder if trainee else None,
            "recipe": trainee.recipe if trainee else None,
            "steps": self._steps(cell, artefact),
            "size": cell.size,
            "share": cell.share,
            "seeds": list(cell.seeds),
            "status": cell.status,
            "reason": cell.reason,
            "note": cell.note,
            "runs": [f"../{path}" for path in self.jobs.folders(cell)],
        }

    def _steps(self, cell: Cell, artefact: Artefact) -> int:
        """Steps of the last further pre-training behind a cell; those asked for where there is no run."""
        row = artefact.rows[cell.row]
        if cell.trainee is None:
            return self.jobs.registry.settings.steps(row.steps, {}) if row.mix else 0
        if row.baseline:
            return 0
        stages = ids.parse_encoder(cell.trainee.encoder).stages
        return next((stage.steps for stage in reversed(stages) if isinstance(stage, ids.PretrainingStage)), 0)

    def _line(self, cell: Cell, artefact: Artefact) -> dict[str, Any]:
        trainee = cell.trainee if artefact.kind == "curves" else None
        rate = f" (lr={self.jobs.recipe(trainee.recipe).lr:g})" if trainee else ""
        return {
            "label": f"{cell.row}{rate}",
            "published": artefact.rows[cell.row].published or cell.row,
            "histories": [f"{self.jobs.root}/{path}/history.csv" for path in self.jobs.folders(cell)],
            "seeds": list(cell.seeds),
            "status": cell.status,
            "reason": cell.reason,
        }

    def _corpora(self, artefact: Artefact) -> dict[str, Any]:
        registry = self.jobs.registry
        declared = registry.settings.study.corpora
        return {
            corpus: {
                "title": column,
                "domain": declared[corpus].domain if corpus in declared else None,
                "max_length": registry.default.max_length,
                "reason": unavailable.reason if (unavailable := registry.unavailable(corpus)) else "",
            }
            for corpus, column in artefact.columns.items()
        }

    def _paths(self, artefact: Artefact) -> list[dict[str, Any]]:
        """For each row the stages from the base encoder to the fine-tuned classifier."""
        registry = self.jobs.registry
        (corpus, column), *_ = artefact.columns.items()
        paths = []
        for label, row in artefact.rows.items():
            lineage = registry.unavailable(corpus) or registry.lineage(row, corpus)
            if isinstance(lineage, Unavailable):
                continue
            stages = [_stage("base", registry.settings.study.encoders[lineage.base].title, "")]
            for stage in lineage.stages:
                if isinstance(stage, ids.MultitaskStage):
                    titles = [self._title(name) for name in registry.multitask(stage.group)[0].corpora]
                    stages.append(_stage("multitask", "Multi-task fine-tuning", ", ".join(titles)))
                else:
                    titles = [self._title(name) for name in registry.texts_in_hand(stage.mix)]
                    detail = f"{', '.join(titles)}; {stage.steps:,} steps"
                    stages.append(_stage("pretraining", "Further pre-training", detail))
            stages.append(_stage("finetuning", "Single-task fine-tuning", column))
            paths.append({"row": label, "stages": stages})
        return paths

    def _encoders(self) -> list[dict[str, Any]]:
        """Every encoder that was pre-trained further and measured on held-out text, and the record of that."""
        registry = self.jobs.registry
        found = []
        for encoder in self.jobs.pretrained:
            stages = ids.parse_encoder(encoder).stages
            if stages and isinstance(stages[-1], ids.PretrainingStage) and self.jobs.held_out(encoder):
                found.append(
                    {
                        "encoder": encoder,
                        "title": registry.base(encoder).title,
                        "mix": ", ".join(self._title(name) for name in registry.texts_in_hand(stages[-1].mix)),
                        "steps": stages[-1].steps,
                        "record": f"{self.jobs.root}/encoders/{encoder}/run.json",
                        "status": "ok",
                        "reason": "",
                    }
                )
        return found

    def _title(self, name: str) -> str:
        corpora = self.jobs.registry.settings.study.corpora
        return corpora[name].title if name in corpora else name


def _stage(kind: str, label: str, detail: str) -> dict[str, str]:
    return {"kind": kind, "label": label, "detail": detail}
