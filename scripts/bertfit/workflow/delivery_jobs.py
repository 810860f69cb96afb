"""Inputs and specifications of what follows the search on your own dataset: the exported classifier, its report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bertfit.config.encoder_schema import Encoder
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.dataset_report.dataset_spec import DatasetReportSpec
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE
from bertfit.experiments.job_specs import DeliverySpec, EncoderSource, Files, SizeDifference
from bertfit.search import search_record
from bertfit.workflow import code_digest
from bertfit.workflow.search_jobs import SearchJobs
from bertfit.workflow.training_jobs import TrainingJobs

TEMPLATES, PAGE, REPORT_PAGE = (
    Path(__file__).parents[1] / folder / "templates" for folder in ("export", "dataset_report", "report")
)
SIZES = {"finetune": ("max_length", "head_tokens", "epochs", "lr"), "pretrain": ("max_length", "steps")}


@dataclass(frozen=True)
class DeliveryJobs:
    """The winner of the search of a study with the key ``own``. ``choice``: the record of the search, once written."""

    search: SearchJobs

    @property
    def jobs(self) -> TrainingJobs:
        """The jobs of the study."""
        return self.search.jobs

    @property
    def corpus(self) -> str:
        """Folder of the corpus that is your own dataset."""
        return f"{self.jobs.root}/corpora/{self.search.own.corpus}"

    @property
    def coverage(self) -> str:
        """What the base encoder knows of the texts."""
        return f"{self.corpus}/coverage.{self.jobs.registry.vocabulary(self.search.encoder)}.json"

    @property
    def base(self) -> str:
        """Folder of the base encoder."""
        return f"{self.jobs.root}/encoders/{self.search.encoder}"

    def targets(self) -> list[str]:
        """Output files of the study."""
        names = ["model", "predictions.csv", "mistakes.csv", "label_errors.csv", "report.html", "summary.json"]
        return [f"{self.jobs.root}/{name}" for name in names]

    @property
    def curved(self) -> bool:
        """Whether --config learning_curve asks for one."""
        return self.jobs.registry.settings.switches.own_data.get("learning_curve", False)

    @property
    def tokens(self) -> str:
        """The word pieces of the training split."""
        return self.jobs.tokens(self.search.own.corpus, self.search.encoder, "train")

    def measured(self, choice: str) -> Files:
        """Inputs of rule measure_model."""
        final = self.search.final(choice)
        return {
            "predictions": final["predictions"],
            "histories": final["histories"],
            "records": final["records"],
            "validated": final["validated"],
            "clusters": f"{self.corpus}/clusters.parquet",
            "card": f"{self.corpus}/card.json",
        }

    def delivered(self, choice: str) -> Files:
        """Inputs of rule deliver_model."""
        final = self.search.final(choice)
        return {
            "outcome": f"{self.jobs.root}/search/outcome.json",
            "models": final["models"],
            "predictions": final["predictions"][0],
            "test": f"{self.corpus}/test.parquet",
            "card": f"{self.corpus}/card.json",
            "coverage": self.coverage,
        }

    def reported(self, choice: str) -> Files:
        """Inputs of rule build_dataset_report."""
        curve = {"curve": f"{self.jobs.root}/learning_curve.json"} if self.curved else {}
        return {
            "outcome": f"{self.jobs.root}/search/outcome.json",
            "card": f"{self.corpus}/card.json",
            "predictions": self.search.final(choice)["predictions"],
            "train": f"{self.corpus}/train.parquet",
            "coverage": self.coverage,
            "mistakes": f"{self.jobs.root}/mistakes.csv",
            "label_errors": f"{self.jobs.root}/label_errors.csv",
            "model": f"{self.jobs.root}/model",
            **curve,
        }

    def report_spec(self) -> DatasetReportSpec:
        """Specification of rule build_dataset_report."""
        settings = self.jobs.registry.settings
        local = self.jobs.registry.corpus(self.search.own.corpus).source.local
        return DatasetReportSpec(
            study=settings.name,
            root=self.jobs.root,
            encoder=self.jobs.registry.base(self.search.encoder).title,
            text=local.columns["text"] if local else None,
            titles={name: candidate.title for name, candidate in self.search.own.candidates.items()},
            sizes=self.sizes(),
            templates=code_digest.templates(PAGE, REPORT_PAGE),
        )

    def spec(self, choice: str) -> DeliverySpec:
        """Specification of rule deliver_model: the values of the model card that no input file holds."""
        found, registry = search_record.read_choice(Path(choice)), self.jobs.registry
        local = registry.corpus(self.search.own.corpus).source.local
        encoder = found.final.encoder
        counts = encoder == BASELINE
        stages = () if counts else ids.parse_encoder(encoder).stages
        texts = [
            name
            for stage in stages
            if isinstance(stage, ids.PretrainingStage)
            for name in registry.available_texts(stage.mix)
        ]
        return DeliverySpec(
            study=registry.settings.name,
            seed=ids.parse_block(Path(found.final.folders[0]).name)[0],
            text=local.columns["text"] if local else None,
            encoder=None if counts else _source(registry.base(encoder)),
            pretrained_on=texts,
            recipe=None if counts else registry.recipe(found.final.recipe),
            pretrain=registry.pretraining(encoder)[0] if stages else None,
            sizes=self.sizes(),
            template=code_digest.templates(TEMPLATES),
        )

    def sizes(self) -> list[SizeDifference]:
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
