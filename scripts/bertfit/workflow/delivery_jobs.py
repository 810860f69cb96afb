"""What the job that hands over a classifier of one's own texts reads (paths) and says (values)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.study_schema import Encoder, Own
from bertfit.core.files import sha256
from bertfit.experiments import ids
from bertfit.experiments.cells import Cell
from bertfit.experiments.job_specs import ComparedCell, DeliverySpec, EncoderSource, SizeDifference
from bertfit.workflow.training_jobs import Jobs

TEMPLATE = Path(__file__).parents[1] / "export" / "templates" / "modelcard.md"
SIZES = {"finetune": ("max_length", "head_tokens", "epochs", "lr"), "pretrain": ("max_length", "steps")}


@dataclass(frozen=True)
class Delivery:
    """The classifier of a study with ``own`` texts: the row that the study names, its first seed."""

    jobs: Jobs

    @property
    def own(self) -> Own | None:
        """What the study says of it; None in a study of other corpora."""
        return self.jobs.registry.settings.study.own

    def targets(self) -> list[str]:
        """The model's folder, its answers on the test set, the worst of these; nothing in a study of other corpora."""
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
        """The figure that shows how far the probabilities can be believed."""
        figures = [key for key, artefact in self.jobs.registry.artefacts.items() if artefact.kind == "reliability"]
        return f"{self.jobs.root}/figures/{figures[0]}.png"

    @property
    def run(self) -> str:
        """Folder of the job that trained the model."""
        return f"{self.jobs.root}/{self.jobs.folders(self._cell)[0]}"

    def spec(self) -> DeliverySpec:
        """All that the card says which no file holds."""
        registry, cell = self.jobs.registry, self._cell
        assert self.own and cell.run_group
        local = registry.corpus(self.own.corpus).source.local
        stages = ids.parse_encoder(cell.run_group.encoder).stages
        texts = [
            name
            for stage in stages
            if isinstance(stage, ids.PretrainingStage)
            for name in registry.texts_in_hand(stage.mix)
        ]
        return DeliverySpec(
            study=registry.settings.name,
            seed=cell.seeds[0],
            text=local.columns["text"] if local else None,
            row=cell.row,
            cells=[_compared(cell) for cell in registry.cells[self.artefact] if cell.run_group],
            encoder=_source(registry.base(cell.run_group.encoder)),
            pretrained_on=texts,
            recipe=registry.recipe(cell.run_group.recipe),
            pretrain=registry.pretraining(cell.run_group.encoder)[0] if stages else None,
            sizes=self._sizes(),
            template=sha256(TEMPLATE)[:16],
        )

    def _sizes(self) -> list[SizeDifference]:
        """What is other here than in the paper."""
        settings = self.jobs.registry.settings
        differences = []
        for section, here in (("finetune", self.jobs.registry.default), ("pretrain", settings.pretrain({}))):
            whole = Finetune() if section == "finetune" else Pretrain()
            paper = whole.model_dump() | (settings.config.value.get(section) or {})
            for key in SIZES[section]:
                value = getattr(here, key)
                if value != paper[key]:
                    differences.append(SizeDifference(key=f"{section}.{key}", paper=paper[key], here=value))
        return differences


def _source(encoder: Encoder) -> EncoderSource:
    return EncoderSource.model_validate(encoder.model_dump(include=set(EncoderSource.model_fields)))


def _compared(cell: Cell) -> ComparedCell:
    assert cell.run_group
    return ComparedCell(
        row=cell.row,
        column=cell.column,
        corpus=cell.corpus,
        run_group=cell.run_group,
        seeds=list(cell.seeds),
        status=cell.status,
        reason=cell.reason,
        note=cell.note,
        size=cell.size,
        share=cell.share,
    )
