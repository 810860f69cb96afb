"""Input paths and parameter values of every job from corpus to training run, for the rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bertfit.config.corpus_schema import Text, TextForm
from bertfit.config.hyperparameters import Finetune, Pretrain, check_multitask
from bertfit.config.study_schema import Vocabulary
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.experiments.cells import Cell
from bertfit.experiments.job_specs import (
    INSTANCE_FIELDS,
    BaselineSpec,
    CorpusSpec,
    FeatureRunSpec,
    FetchSpec,
    InstanceSpec,
    MultitaskSpec,
    PretrainSpec,
    RunSpec,
    ScoreSpec,
    TokenSpec,
)
from bertfit.experiments.registry import Registry

# Files in the folder of an encoder that the workflow trained.
ENCODER_FILES = {
    "config": "config.json", "model": "model.safetensors", "tokenizer": "tokenizer.json",
    "settings": "tokenizer_config.json", "words": "vocab.txt", "record": "run.json", "history": "history.csv",
}  # fmt: skip


@dataclass(frozen=True)
class Jobs:
    """Inputs and values of every job of a study. Paths are relative to the working folder."""

    registry: Registry

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.registry.root

    # ------------------------------------------------------------------------------------------ wildcards

    @cached_property
    def fetched(self) -> list[str]:
        """Base encoders that come from elsewhere: those that runs or vocabularies need."""
        study = self.registry.settings.study
        from_vocabularies = [vocabulary.encoder for vocabulary in study.vocabularies.values() if vocabulary.encoder]
        names = {*self.registry.encoders, *from_vocabularies}
        return [name for name in study.encoders if name in names and not study.encoders[name].scratch]

    @cached_property
    def multitasked(self) -> list[str]:
        """Encoders that end with multi-task fine-tuning."""
        return [name for name in self.registry.encoders if isinstance(_last(name), ids.MultitaskStage)]

    @cached_property
    def pretrained(self) -> list[str]:
        """Encoders that the workflow pre-trains, from random weights or further."""
        return [name for name in self.registry.encoders if name not in {*self.fetched, *self.multitasked}]

    @cached_property
    def saves(self) -> dict[str, dict[int, str]]:
        """Pre-training runs with intermediate checkpoints: final encoder -> steps -> encoder of the checkpoint."""
        found: dict[str, dict[int, str]] = {}
        for name in self.pretrained:
            if end := ids.saved_from(name):
                found.setdefault(end, {})[_last(name).steps] = name  # type: ignore[union-attr]
        return {end: dict(sorted(saved.items())) for end, saved in found.items()}

    @cached_property
    def alone(self) -> list[str]:
        """Encoders whose pre-training has no intermediate checkpoints."""
        return [name for name in self.pretrained if not ids.saved_from(name) and name not in self.saves]

    @cached_property
    def recipes(self) -> list[str]:
        """Ids of all recipes in use."""
        return sorted({run_group.recipe for run_group in self.registry.seeds} | {"default"})

    def recipes_of(self, *, classifier: str, save_model: bool = False) -> list[str]:
        """Ids of the recipes that one training rule serves."""
        pairs = ((recipe, self.recipe(recipe)) for recipe in self.recipes)
        return [recipe for recipe, whole in pairs if (whole.classifier, whole.save_model) == (classifier, save_model)]

    @cached_property
    def mixes(self) -> list[str]:
        """Mixes that encoders are trained on."""
        mixes = {self.registry.pretraining(encoder)[1] for encoder in self.pretrained}
        return sorted(mixes | ({self._held_out} if self._held_out and self.pretrained else set()))

    def check(self) -> None:
        """Raise `UserError` for what is wrong in the values of any job, before the first one runs."""
        for mix in self.mixes:
            self.instance_spec(mix)
        for encoder in self.multitasked:
            place = self.registry.settings.merged.where(("multitask", _last(encoder).group, "recipe"))  # type: ignore[union-attr]
            check_multitask(self.multitask_spec(encoder).recipe, place)

    # ------------------------------------------------------------------------------------------ corpora, tokens

    def corpus_files(self, corpus: str) -> dict[str, str]:
        """Split -> local file a corpus is read from."""
        files = self.registry.corpus(corpus).source.files(self.registry.settings.data)
        return {split: str(path) for split, path in files.items()}

    def corpus_spec(self, corpus: str) -> CorpusSpec:
        """All that the rows of a corpus depend on."""
        sample = self.registry.settings.study.sample
        return CorpusSpec(name=corpus, corpus=self.registry.corpus(corpus), sample={**sample} if sample else None)

    def token_spec(self, corpus: str) -> TokenSpec:
        """How the fields of a corpus become the texts that are classified."""
        whole = self.registry.corpus(corpus)
        return TokenSpec(fields=whole.fields, text=whole.text, pair=whole.pair)

    def text_spec(self, corpus: str) -> TextForm:
        """How the fields of a corpus become pre-training text."""
        return TextForm.model_validate(self.registry.corpus(corpus).model_dump(include=set(TextForm.model_fields)))

    def unlabelled_spec(self, text: str) -> Text:
        """All that an unlabelled text depends on."""
        return self.registry.settings.study.texts[text]

    def vocabulary_spec(self, vocabulary: str) -> Vocabulary:
        """All that a vocabulary depends on beside its texts."""
        return self.registry.settings.study.vocabularies[vocabulary]

    def vocabulary_files(self, vocabulary: str) -> list[str]:
        """What a vocabulary is made from."""
        declared = self.registry.settings.study.vocabularies[vocabulary]
        if declared.encoder:
            return [f"{self.root}/encoders/{declared.encoder}/tokenizer.json"]
        return [
            f"{self.root}/documents/{text}.train.txt"
            for text in declared.texts
            if text in self.registry.settings.study.texts or self.registry.missing(text) is None
        ]

    def tokens(self, corpus: str, encoder: str, split: str) -> str:
        """The tokens a run reads."""
        return f"{self.root}/tokens/{self.registry.vocabulary(encoder)}/{corpus}/{split}.arrow"

    # ------------------------------------------------------------------------------------------ encoders

    def mix_files(self, mix: str) -> list[str]:
        """The texts of a mix that can be had, in the order declared; of a held-out text its test split."""
        if mix == self._held_out:
            return [f"{self.root}/documents/{self.registry.settings.study.held_out}.test.txt"]
        return [
            f"{self.root}/documents/{name}.{split}.txt"
            for name in self.registry.texts_in_hand(mix)
            for split in self.registry.splits(mix)
        ]

    def text_files(self, text: str, split: str) -> list[str]:
        """The user's file behind one split of an unlabelled text."""
        declared = self.registry.settings.study.texts[text]
        path = declared.path if split == "train" else declared.test
        return [path] if path else []

    @property
    def _held_out(self) -> str | None:
        """The mix of the held-out text, a text or the test split of a corpus, if that can be had."""
        study = self.registry.settings.study
        name = study.held_out
        if name is None or (name not in study.texts and self.registry.missing(name)):
            return None
        return f"{name}-held-out"

    def overlap_files(self, corpus: str, split: str) -> list[str]:
        """Test splits whose texts are dropped from a corpus's training text before pre-training."""
        names = self.registry.settings.study.corpora[corpus].overlaps if split == "train" else []
        return [f"{self.root}/corpora/{name}/test.parquet" for name in names if not self.registry.missing(name)]

    def instance_spec(self, mix: str) -> InstanceSpec:
        """Settings of a mix's data creation. All encoders trained on a mix must use the same settings."""
        texts = [Path(path).name for path in self.mix_files(mix)]
        if mix == self._held_out:  # by the study's settings, whatever the encoders were trained with
            once = self.registry.settings.pretrain({}).model_copy(update={"dupe": 1})
            return InstanceSpec(creation=once, texts=texts)
        ways = [_creation(way) for way, used, _ in map(self.registry.pretraining, self.pretrained) if used == mix]
        if any(way != ways[0] for way in ways):
            raise UserError(
                f"mix {mix!r} is used with different data creation ({', '.join(INSTANCE_FIELDS)}); give it two names"
            )
        return InstanceSpec(creation=ways[0], texts=texts)

    def instances(self, encoder: str) -> str:
        """The instances an encoder is trained on."""
        mix = self.registry.pretraining(encoder)[1]
        return f"{self.root}/instances/{self.registry.vocabulary(encoder)}/{mix}.arrow"

    def held_out(self, encoder: str) -> list[str]:
        """The instances that show what pre-training forgets, for encoders with the base encoder's vocabulary."""
        registry = self.registry
        if self._held_out is None or registry.vocabulary(encoder) != registry.vocabulary(registry.settings.study.base):
            return []
        return [f"{self.root}/instances/{self.registry.vocabulary(encoder)}/{self._held_out}.arrow"]

    def tokenizer(self, encoder: str) -> str:
        """The vocabulary an encoder reads."""
        return f"{self.root}/vocabularies/{self.registry.vocabulary(encoder)}/tokenizer.json"

    def parent_files(self, encoder: str) -> list[str]:
        """Weights of the encoder before the last stage; none for a base from scratch."""
        lineage = ids.parse_encoder(encoder)
        if not lineage.stages:
            return []
        return [f"{self.root}/encoders/{ids.format_encoder(lineage.parent)}/model.safetensors"]

    def fetch_spec(self, encoder: str) -> FetchSpec:
        """All that a base encoder from elsewhere depends on."""
        return FetchSpec.model_validate(self.registry.base(encoder).model_dump(exclude={"gpus"}))

    def pretrain_spec(self, encoder: str) -> PretrainSpec:
        """All values an encoder's training depends on."""
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
        """The files of the encoders that are saved on the way to another."""
        return [path for saved in self.saves[end].values() for path in self.encoder_files(saved).values()]

    def multitask_tokens(self, encoder: str, split: str) -> list[str]:
        """The tokens that multi-task fine-tuning reads, in the order of its corpora."""
        return [self.tokens(corpus, encoder, split) for corpus in self.multitask_spec(encoder).multitask.corpora]

    def multitask_spec(self, encoder: str) -> MultitaskSpec:
        """All values that multi-task fine-tuning depends on."""
        group, recipe = self.registry.multitask(_last(encoder).group)  # type: ignore[union-attr]
        return MultitaskSpec(encoder=encoder, multitask=group, recipe=recipe)

    # ------------------------------------------------------------------------------------------ runs

    def recipe(self, recipe: str) -> Finetune:
        """The whole recipe behind an id."""
        return self.registry.recipe(recipe)

    def run_spec(self, corpus: str, encoder: str, recipe: str, block: str) -> RunSpec:
        """All values a run depends on."""
        whole, seeds = self.recipe(recipe), ids.parse_block(block)
        if whole.classifier == "bilstm":
            cache = self.registry.settings.study.cache_mb
            return FeatureRunSpec(corpus=corpus, encoder=encoder, recipe=whole, seeds=seeds, cache_mb=cache)
        return RunSpec(corpus=corpus, encoder=encoder, recipe=whole, seeds=seeds)

    def baseline_spec(self, corpus: str) -> BaselineSpec:
        """All values that the baseline of a corpus depends on."""
        return BaselineSpec(corpus=corpus, form=self.text_spec(corpus))

    def run_files(self, artefact: str | None = None, name: str = "predictions.parquet") -> list[str]:
        """One file of each run behind one artefact, or of the whole study."""
        return [f"{self.root}/{job.path}/{name}" for job in self.registry.jobs(artefact)]

    def scored_files(self, artefact: str | None = None) -> dict[str, list[str]]:
        """What scores are made of."""
        names = {"predictions": "predictions.parquet", "histories": "history.csv"}
        return {key: self.run_files(artefact, name) for key, name in names.items()}

    def folders(self, cell: Cell) -> list[str]:
        """Folders of the runs behind one cell, below the study's."""
        return [job.path for job in self.registry.blocks[cell.run_group]] if cell.run_group else []

    def score_spec(self, artefact: str | None = None) -> ScoreSpec:
        """Which run stands behind each file of `run_files`, in its order."""
        runs = [job.run_group for job in self.registry.jobs(artefact)]
        return ScoreSpec(study=self.registry.settings.name, runs=runs)


def _last(encoder: str) -> ids.Stage | None:
    """The last stage of an encoder."""
    stages = ids.parse_encoder(encoder).stages
    return stages[-1] if stages else None


def _creation(pretrain: Pretrain) -> Pretrain:
    """The fields that data creation reads; all others at their defaults."""
    return Pretrain.model_validate(pretrain.model_dump(include=set(INSTANCE_FIELDS)))
