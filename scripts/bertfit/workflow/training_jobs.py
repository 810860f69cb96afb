"""Inputs, outputs and specifications of every job from corpora to training runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from bertfit.config.corpus_schema import Text, TextForm
from bertfit.config.encoder_schema import Vocabulary
from bertfit.config.hyperparameters import Pretrain, check_multitask
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.experiments.baseline_ids import parse_counts
from bertfit.experiments.cells import BASELINE, Cell, Job
from bertfit.experiments.encoders_in_use import EncodersInUse
from bertfit.experiments.job_specs import (
    INSTANCE_FIELDS,
    BaselineSpec,
    BlockSpec,
    CorpusSpec,
    CoverageSpec,
    FeatureBlockSpec,
    FetchSpec,
    InstanceSpec,
    MultitaskSpec,
    PretrainSpec,
    TokenSpec,
    plain,
)

# Files in the folder of an encoder that the workflow trained.
ENCODER_FILES = {
    "config": "config.json", "model": "model.safetensors", "tokenizer": "tokenizer.json",
    "settings": "tokenizer_config.json", "words": "vocab.txt", "record": "run.json", "history": "history.csv",
}  # fmt: skip
MASKED_ALONE = ".mlm"  # ends the names of instances for masked-language modelling without next-sentence prediction


@dataclass(frozen=True)
class TrainingJobs(EncodersInUse):
    """Files and specifications of the jobs of a study. Paths are relative to the working folder."""

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.registry.root

    # ------------------------------------------------------------------------------------------ wildcards

    @cached_property
    def recipes(self) -> list[str]:
        """Ids of all recipes in use."""
        encoded = (run_group for run_group in self.registry.seeds if run_group.encoder != BASELINE)
        return sorted({run_group.recipe for run_group in encoded} | {"default"})

    def recipes_of(self, *, classifier: str, save_model: bool = False) -> list[str]:
        """Ids of the recipes of one training rule."""
        pairs = ((recipe, self.registry.recipe(recipe)) for recipe in self.recipes)
        return [recipe for recipe, whole in pairs if (whole.classifier, whole.save_model) == (classifier, save_model)]

    @cached_property
    def mixes(self) -> list[str]:
        """The instances that encoders are trained or measured on, by name."""
        mixes = {self._instances_of(encoder) for encoder in self.pretrained}
        held_out = self._held_out if any(map(self.held_out, self.pretrained)) else None
        return sorted(mixes | ({held_out} if held_out else set()))

    def _instances_of(self, encoder: str) -> str:
        """Name of the instances that an encoder is trained on: its mix, and ``.mlm`` where they are for MLM alone."""
        pretrain, mix, _ = self.registry.pretraining(encoder)
        return mix + MASKED_ALONE if pretrain.blocks else mix

    def check(self) -> None:
        """Raise `UserError` for invalid values of any job, before the first one runs."""
        for mix in self.mixes:
            self.instance_spec(mix)
        for encoder in self.multitasked:
            place = self.registry.settings.merged.where(("multitask", _multitask_stage(encoder).group, "recipe"))
            check_multitask(self.multitask_spec(encoder).recipe, place)

    # ------------------------------------------------------------------------------------------ corpora, tokens

    def corpus_files(self, corpus: str) -> dict[str, str]:
        """Split -> local file of a corpus, or the training split that it is a part of; none of a package, as pinned."""
        source = self.registry.corpus(corpus).source
        if source.part_of:
            return {"train": f"{self.root}/corpora/{source.part_of.corpus}/train.parquet"}
        files = {} if source.package else source.files(self.registry.settings.data)
        return {split: str(path) for split, path in files.items()}

    def corpus_spec(self, corpus: str) -> CorpusSpec:
        """Specification of rule build_corpus."""
        sample = self.registry.settings.study.sample
        return CorpusSpec(name=corpus, corpus=self.registry.corpus(corpus), sample={**sample} if sample else None)

    def token_spec(self, corpus: str) -> TokenSpec:
        """Specification of rule tokenize_corpus."""
        whole = self.registry.corpus(corpus)
        return TokenSpec(fields=whole.fields, text=whole.text, pair=whole.pair)

    def coverage_spec(self, corpus: str) -> CoverageSpec:
        """Specification of rule check_encoder."""
        return CoverageSpec(form=self.token_spec(corpus), max_length=self.registry.settings.finetune({}).max_length)

    def text_spec(self, corpus: str) -> TextForm:
        """Specification of rule write_documents."""
        return TextForm.model_validate(self.registry.corpus(corpus).model_dump(include=set(TextForm.model_fields)))

    def unlabelled_spec(self, text: str) -> Text:
        """Specification of rule write_text."""
        return self.registry.settings.study.texts[text]

    def vocabulary_spec(self, vocabulary: str) -> Vocabulary:
        """Specification of rule build_vocabulary."""
        return self.registry.settings.study.vocabularies[vocabulary]

    def vocabulary_files(self, vocabulary: str) -> list[str]:
        """Inputs of rule build_vocabulary."""
        declared = self.registry.settings.study.vocabularies[vocabulary]
        if declared.encoder:
            return [f"{self.root}/encoders/{declared.encoder}/tokenizer.json"]
        return [
            f"{self.root}/documents/{text}.train.txt"
            for text in declared.texts
            if text in self.registry.settings.study.texts or self.registry.missing(text) is None
        ]

    def tokens(self, corpus: str, encoder: str, split: str) -> str:
        """The token file that a run reads."""
        return f"{self.root}/tokens/{self.registry.vocabulary(encoder)}/{corpus}/{split}.arrow"

    # ------------------------------------------------------------------------------------------ encoders

    def mix_files(self, mix: str) -> list[str]:
        """Files of the available texts of a mix, in the order declared; of the held-out text its test split.

        ``mix`` may be the name of instances of it.
        """
        if mix == self._held_out:
            return [f"{self.root}/documents/{self.registry.settings.study.held_out}.test.txt"]
        return [
            f"{self.root}/documents/{name}.{split}.txt"
            for name in self.registry.available_texts(mix.removesuffix(MASKED_ALONE))
            for split in self.registry.splits(mix.removesuffix(MASKED_ALONE))
        ]

    def text_files(self, text: str, split: str) -> list[str]:
        """The user's file of one split of an unlabelled text, if it has one."""
        declared = self.registry.settings.study.texts[text]
        path = declared.path if split == "train" else declared.test
        return [path] if path else []

    @property
    def _held_out(self) -> str | None:
        """Name of the mix of the study's held-out text or corpus; None if it has none, or it is unavailable."""
        study = self.registry.settings.study
        name = study.held_out
        if name is None or (name not in study.texts and self.registry.missing(name)):
            return None
        return f"{name}-held-out" + (MASKED_ALONE if self._pretrain_of_base.blocks else "")

    @property
    def _pretrain_of_base(self) -> Pretrain:
        """The study's hyperparameters of pre-training, for its base encoder."""
        study = self.registry.settings.study
        return self.registry.with_objective(self.registry.settings.pretrain({}), study.encoders[study.base])

    def overlap_files(self, corpus: str, split: str) -> list[str]:
        """Test splits whose texts are removed from the pre-training text of a corpus."""
        names = self.registry.settings.study.corpora[corpus].overlaps if split == "train" else []
        return [f"{self.root}/corpora/{name}/test.parquet" for name in names if not self.registry.missing(name)]

    def instance_spec(self, mix: str) -> InstanceSpec:
        """Specification of rule create_instances. Raises `UserError` if encoders need different instances of a mix."""
        texts = [Path(path).name for path in self.mix_files(mix)]
        if mix == self._held_out:  # by the study's settings, independent of those of single encoders
            once = self._pretrain_of_base.model_copy(update={"dupe": 1})
            return InstanceSpec(creation=_creation(once), texts=texts)
        encoders = [encoder for encoder in self.pretrained if self._instances_of(encoder) == mix]
        of_mix = [self.registry.pretraining(encoder)[0] for encoder in encoders]
        specs = [InstanceSpec(creation=_creation(pretrain), texts=texts) for pretrain in of_mix]
        if any(plain(spec) != plain(specs[0]) for spec in specs):
            raise UserError(
                f"mix {mix!r} is used with different data creation ({', '.join(INSTANCE_FIELDS)}); give it two names"
            )
        return specs[0]

    def instances(self, encoder: str) -> str:
        """The instances that an encoder is trained on."""
        return f"{self.root}/instances/{self.registry.vocabulary(encoder)}/{self._instances_of(encoder)}.arrow"

    def held_out(self, encoder: str) -> list[str]:
        """The held-out instances that an encoder is measured on.

        Empty if its vocabulary or its objective is not that of the base encoder, and for replaced-token detection,
        whose loss is another one than that of masked words.
        """
        registry = self.registry
        if self._held_out is None or registry.vocabulary(encoder) != registry.vocabulary(registry.settings.study.base):
            return []
        if registry.objective(encoder) != self._pretrain_of_base.objective or registry.objective(encoder) == "rtd":
            return []
        return [f"{self.root}/instances/{self.registry.vocabulary(encoder)}/{self._held_out}.arrow"]

    def tokenizer(self, encoder: str) -> str:
        """The tokenizer of an encoder."""
        return f"{self.root}/vocabularies/{self.registry.vocabulary(encoder)}/tokenizer.json"

    def parent_files(self, encoder: str) -> list[str]:
        """Weights of the encoder before the last stage; none for a base from scratch."""
        lineage = ids.parse_encoder(encoder)
        if not lineage.stages:
            return []
        return [f"{self.root}/encoders/{ids.format_encoder(lineage.parent)}/model.safetensors"]

    def generator_files(self, encoder: str) -> list[str]:
        """Weights of the encoder that replaces words, for replaced-token detection; else none."""
        generator = self.registry.generator(encoder)
        return [f"{self.root}/encoders/{generator}/model.safetensors"] if generator else []

    def fetch_spec(self, encoder: str) -> FetchSpec:
        """Specification of rule fetch_encoder."""
        return FetchSpec.model_validate(self.registry.base(encoder).model_dump(exclude={"gpus"}))

    def pretrain_spec(self, encoder: str) -> PretrainSpec:
        """Specification of rule pretrain_encoder."""
        pretrain, mix, seed = self.registry.pretraining(encoder)
        return PretrainSpec(
            encoder=encoder,
            mix=mix,
            texts=[Path(path).name for path in self.mix_files(mix)],
            pretrain=pretrain,
            seed=seed,
            shape=None if ids.parse_encoder(encoder).stages else self.registry.base(encoder).scratch,
            saves=self.saves.get(encoder, {}),
        )

    def encoder_files(self, encoder: str) -> dict[str, str]:
        """The files of an encoder that the workflow trains."""
        return {name: f"{self.root}/encoders/{encoder}/{file}" for name, file in ENCODER_FILES.items()}

    def saved_files(self, end: str) -> list[str]:
        """The files of the intermediate checkpoints of a run."""
        return [path for saved in self.saves[end].values() for path in self.encoder_files(saved).values()]

    def multitask_tokens(self, encoder: str, split: str) -> list[str]:
        """The tokens that multi-task fine-tuning reads, in the order of its corpora."""
        return [self.tokens(corpus, encoder, split) for corpus in self.multitask_spec(encoder).multitask.corpora]

    def multitask_spec(self, encoder: str) -> MultitaskSpec:
        """Specification of rule multitask_encoder. The seed is that of the stage, which may be that of a run."""
        stage = _multitask_stage(encoder)
        group, recipe = self.registry.multitask(stage.group)
        seeded = group.model_copy(update={"seed": stage.seed})
        return MultitaskSpec(encoder=encoder, multitask=seeded, recipe=recipe)

    # ------------------------------------------------------------------------------------------ runs

    def block_spec(self, corpus: str, encoder: str, recipe: str, block: str) -> BlockSpec:
        """Specification of rules finetune and train_on_features."""
        whole, seeds = self.registry.recipe(recipe), ids.parse_block(block)
        if whole.classifier == "bilstm":
            cache = self.registry.settings.study.cache_mb
            return FeatureBlockSpec(corpus=corpus, encoder=encoder, recipe=whole, seeds=seeds, cache_mb=cache)
        return BlockSpec(corpus=corpus, encoder=encoder, recipe=whole, seeds=seeds)

    def weights(self, encoder: str, block: str, name: str = "model.safetensors") -> list[str]:
        """A file of the encoder of a block; of each seed's, in the order of seeds, where every seed has its own."""
        return [f"{self.root}/encoders/{each}/{name}" for each in ids.encoders_of(encoder, ids.parse_block(block))]

    def baseline_spec(self, corpus: str, counts: str = "default") -> BaselineSpec:
        """Specification of rules run_baseline and count_and_save."""
        return BaselineSpec(corpus=corpus, form=self.text_spec(corpus), **asdict(parse_counts(counts)))

    def run_files(self, artefact: str | None = None, name: str = "predictions.parquet") -> list[str]:
        """One file of each run of an artefact, or of the whole study."""
        return [f"{self.root}/{job.path}/{name}" for job in self.registry.jobs(artefact)]

    def cluster_files(self, jobs: Iterable[Job]) -> list[str]:
        """The clusters of the test examples of each corpus of some training jobs; the folder has its name."""
        corpora = dict.fromkeys(job.run_group.corpus for job in jobs)
        return [f"{self.root}/corpora/{corpus}/clusters.parquet" for corpus in corpora]

    def folders(self, cell: Cell) -> list[str]:
        """Folders of the runs of a cell, below the study's."""
        return [job.path for job in self.registry.blocks[cell.run_group]] if cell.run_group else []


def _multitask_stage(encoder: str) -> ids.MultitaskStage:
    """The last stage of an encoder, which is multi-task fine-tuning."""
    stage = ids.parse_encoder(encoder).last
    assert isinstance(stage, ids.MultitaskStage)
    return stage


def _creation(pretrain: Pretrain) -> Pretrain:
    """The values that instances are created by: blocks of text are the same whatever is done to their words."""
    return pretrain.model_copy(update={"objective": "mlm"}) if pretrain.blocks else pretrain
