"""Inputs, outputs and specification of the job that exports a classifier of your own dataset (rule deliver_model)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.study_schema import Encoder, OwnDataset
from bertfit.experiments import ids
from bertfit.experiments.cells import Cell
from bertfit.experiments.job_specs import DeliverySpec, EncoderSource, SizeDifference
from bertfit.workflow import code_digest
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.training_jobs import TrainingJobs

TEMPLATES = Path(__file__).parents[1] / "export" / "templates"
SIZES = {"finetune": ("max_length", "head_tokens", "epochs", "lr"), "pretrain": ("max_length", "steps")}


@dataclass(frozen=True)
class DeliveryJobs:
    """The exported classifier of a study with the key ``own``: the row that it names, the first seed."""

    jobs: TrainingJobs

    @property
    def own(self) -> OwnDataset | None:
        """The study's key ``own``; None in other studies."""
        return self.jobs.registry.settings.study.own

    def targets(self) -> list[str]:
        """Output files: model folder, predictions on the test set, worst mistakes; none in other studies."""
        root = self.jobs.root
        return [f"{root}/model", f"{root}/predictions.csv", f"{root}/mistakes.csv"] if self.own else []

    @cached_property
    def _cell(self) -> Cell:
        assert self.own
        artefact, row = self.own.row
        return next(cell for cell in self.jobs.registry.cells[artefact] if cell.row == row)

    @property
    def artefact(self) -> str:
        """The table that compares the methods."""
        return self.own.row[0] if self.own else ""

    @property
    def figure(self) -> str:
        """The reliability diagram."""
        figures = [key for key, artefact in self.jobs.registry.artefacts.items() if artefact.kind == "reliability"]
        return f"{self.jobs.root}/figures/{figures[0]}.png"

    @property
    def run(self) -> str:
        """Folder of the job that trained the model."""
        return f"{self.jobs.root}/{self.jobs.folders(self._cell)[0]}"

    def spec(self) -> DeliverySpec:
        """Specification: the values of the model card that no input file holds."""
        registry, cell = self.jobs.registry, self._cell
        assert self.own and cell.run_group
        local = registry.corpus(self.own.corpus).source.local
        stages = ids.parse_encoder(cell.run_group.encoder).stages
        texts = [
            name
            for stage in stages
            if isinstance(stage, ids.PretrainingStage)
            for name in registry.available_texts(stage.mix)
        ]
        return DeliverySpec(
            study=registry.settings.name,
            seed=cell.seeds[0],
            text=local.columns["text"] if local else None,
            row=cell.row,
            cells=[cell for cell in ArtefactJobs(self.jobs).cells(self.artefact) if cell.status == "ok"],
            encoder=_source(registry.base(cell.run_group.encoder)),
            pretrained_on=texts,
            recipe=registry.recipe(cell.run_group.recipe),
            pretrain=registry.pretraining(cell.run_group.encoder)[0] if stages else None,
            sizes=self._sizes(),
            template=code_digest.templates(TEMPLATES),
        )

    def _sizes(self) -> list[SizeDifference]:
        """The hyperparameters that differ from the paper's."""
        settings = self.jobs.registry.settings
        differences = []
        for section, here in (("finetune", self.jobs.registry.default), ("pretrain", settings.pretrain({}))):
            defaults = Finetune() if section == "finetune" else Pretrain()
            paper = defaults.model_dump() | (settings.config.value.get(section) or {})
            for key in SIZES[section]:
                value = getattr(here, key)
                if value != paper[key]:
                    differences.append(SizeDifference(key=f"{section}.{key}", paper=paper[key], here=value))
        return differences


def _source(encoder: Encoder) -> EncoderSource:
    return EncoderSource.model_validate(encoder.model_dump(include=set(EncoderSource.model_fields)))
