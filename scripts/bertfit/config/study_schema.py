"""What can be written in ``config.yaml`` and ``studies/*.yaml``: every key, its meaning, unit and default.

Models refuse unknown keys. What is said of training: `hyperparameters`; of corpora: `corpus_schema`. The mixes that
follow from a study's corpora stand here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bertfit.config.corpus_schema import Corpus, Seed, Spec, Text
from bertfit.config.hyperparameters import Multitask

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=30)]


# ---------------------------------------------------------------------------------------------- encoders


class Shape(Spec):
    """Size of an encoder trained from scratch."""

    layers: int = Field(gt=0)
    hidden: int = Field(gt=0)
    heads: int = Field(gt=0)
    intermediate: int = Field(gt=0)
    positions: int = Field(512, gt=1, description="longest sequence in word pieces")
    initializer_range: float = Field(0.02, gt=0)


class Vocabulary(Spec):
    """A WordPiece vocabulary: trained by the workflow on texts, or the one that a base encoder brings."""

    encoder: str | None = Field(None, description="base encoder whose tokenizer files are taken")
    texts: list[str] = Field([], description="unlabelled texts and corpora to train on")
    size: int | None = Field(None, gt=100, description="entries of a trained vocabulary")


class Mix(Spec):
    """Which texts an encoder is pre-trained on."""

    corpora: list[str] = Field(min_length=1, description="corpora and unlabelled texts")
    text: Literal["train", "train+test"] = "train"


class Encoder(Spec):
    """A base encoder: exactly one of hub, folder, package or scratch."""

    title: str
    vocabulary: str
    hub: str | None = Field(None, description="model id on the hub")
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$")
    folder: str | None = Field(None, description="folder in Hugging Face format")
    package: str | None = Field(None, description="installed Python package that carries such a folder")
    scratch: Shape | None = Field(None, description="trained from random weights by the workflow")
    mix: str | None = Field(None, description="for scratch: the mix it is pre-trained on")
    pretrain: dict[str, float | int] = Field({}, description="for scratch: differences from the study's pretrain")
    layers: int | None = Field(
        None, gt=0, description="depth, checked when loaded; not for scratch, whose shape says it"
    )
    further: dict[str, float | int] = Field({}, description="differences of its further pre-training (BERT-large: 5.7)")
    licence: str | None = None
    gpus: int = Field(1, gt=0, description="of one training job, where the machine has them; no part of a result")
    seed: Seed = 1

    @property
    def depth(self) -> int:
        """Number of layers."""
        return self.scratch.layers if self.scratch else self.layers or 0

    @model_validator(mode="after")
    def _one(self) -> Encoder:
        given = [key for key in ("hub", "folder", "package", "scratch") if getattr(self, key) is not None]
        if not given:
            raise ValueError("give one of hub, folder, package, scratch")
        if "scratch" in given and (len(given) > 1 or not self.mix):
            raise ValueError("an encoder from scratch needs a mix, and no other source")
        if (self.layers is None) == (self.scratch is None):
            raise ValueError("give `layers`, the encoder's depth (for scratch: in its shape alone)")
        if self.hub and not self.revision:
            raise ValueError("a hub model needs its revision (40 hexadecimal digits), so that it cannot change")
        return self


# ---------------------------------------------------------------------------------------------- artefacts


class Row(Spec):
    """One row of a table, or one line of a figure."""

    recipe: dict[str, float | int | str | bool | None] = Field({}, description="differences from the study's recipe")
    encoder: str | None = Field(
        None, description="base encoder where it is not the study's; large: the study's large one"
    )
    mix: str | None = Field(
        None, description="further pre-training on this mix; own: the column's corpus, domain: all of its domain and "
        "language, leak: the corpus's train+test text",
    )  # fmt: skip
    pretraining_seed: Seed = 1
    steps: int | str | None = Field(None, description="its steps, or a multiple (x0.5) of the study's; 0: none")
    of: int | str | None = Field(
        None, description="saved after `steps` of a longer run of so many, as x5; default: own run"
    )
    multitask: str | None = Field(None, description="then multi-task fine-tuning on this group (5.5)")
    baseline: Literal["tfidf"] | None = Field(None, description="no encoder: word counts and a linear model")
    quoted: bool = Field(False, description="earlier systems: the published numbers, not run")
    without: dict[str, str] = Field({}, description="corpus -> why this row does not apply to it")
    seeds: list[Seed] | None = None
    published: str | None = Field(None, description="name of the row in published.csv where it is another")


class Average(Spec):
    """A last column: mean over corpora of the relative improvement upon a row, in percent."""

    over: str = Field(description="row that is improved upon")
    title: str = Field(description="its heading, as in published.csv")


class Artefact(Spec):
    """A table or figure: rows x columns of runs beside the published values."""

    kind: Literal["statistics", "table", "curves", "steps", "sizes", "lineage", "forgetting", "reliability"]
    number: str = Field(description="'Table 2'")
    title: str
    caption: str
    section: str = Field(description="where in the paper")
    columns: dict[str, str] = Field(description="corpus -> column name in the paper")
    rows: dict[str, Row] = {}
    recipe: dict[str, float | int | str | bool | None] = Field({}, description="shared by all rows")
    column_recipe: dict[str, dict[str, float | int | str | bool | None]] = Field(
        {}, description="corpus -> differences of its column, over the rows'"
    )
    sizes: dict[str, dict[str, float | int | str | bool | None]] = Field(
        {}, description="kind sizes: label of a size of the training set -> its recipe"
    )
    average: Average | None = None
    seeds: list[Seed] | None = None

    @model_validator(mode="after")
    def _one_corpus(self) -> Artefact:
        if self.kind in ("steps", "sizes", "lineage") and len(self.columns) != 1:
            raise ValueError(f"a figure of kind {self.kind} shows one corpus, columns has {len(self.columns)}")
        if self.average and self.average.over not in self.rows:
            raise ValueError(f"average.over names {self.average.over!r}, which is no row")
        if (self.kind == "sizes") != bool(self.sizes):
            raise ValueError("sizes belong to kind sizes")
        return self


# ---------------------------------------------------------------------------------------------- study


class Own(Spec):
    """A file of one's own in place of a corpus: see `own_data`."""

    corpus: str = Field(description="the corpus that --config data=, text=, label= and test= describe")
    row: list[str] = Field(min_length=2, max_length=2, description="artefact and row of the model that is handed over")
    pieces: int = Field(gt=0, description="word pieces that one training reads on a machine without a GPU")


class Study(Spec):
    """One world the experiments run in."""

    title: str
    comparable: bool = Field(description="whether its errors may be set against the published ones")
    base: str = Field(description="the base encoder")
    large: str | None = Field(None, description="the larger one of Table 8")
    seeds: list[Seed] = Field([1], min_length=1)
    block: int = Field(1, gt=0, description="seeds trained by one job, one after the other")
    threads: int = Field(2, gt=0, description="CPU threads of a training job")
    base_threads: int = Field(2, gt=0, description="CPU threads of training the base encoder from scratch")
    cache_mb: int = Field(4000, ge=0, description="BERT-Feat: states of the frozen encoder are kept up to this size")
    sample: dict[Literal["train", "test"], int] | None = Field(
        None, description="rows kept per split, stratified and seeded, for small machines"
    )
    data: str | None = Field(None, description="folder of local corpora; --config data=... and BERTFIT_DATA come first")
    own: Own | None = None
    corpora: dict[Name, Corpus]
    texts: dict[Name, Text] = {}
    vocabularies: dict[Name, Vocabulary]
    encoders: dict[Name, Encoder]
    mixes: dict[Name, Mix] = {}
    multitask: dict[Name, Multitask] = {}
    held_out: str | None = Field(None, description="text or corpus whose test split shows what pre-training forgets")
    finetune: dict[str, float | int | str | bool | None] = {}
    pretrain: dict[str, float | int] = {}
    artefacts: dict[str, dict | None] = Field(
        {}, description="artefact -> differences (seeds, recipe, columns); {}: as it is"
    )


OWN, DOMAIN, LEAK = "own", "domain", "leak"  # what a row may say instead of a mix: it depends on the column


def derived_mixes(study: Study, order: Sequence[str]) -> dict[str, Mix]:
    """``all_<domain>`` (5.4.2), ``all``, and ``<corpus>_leak`` for every corpus; the paper's corpora in its ``order``.

    Those of other languages than English end in the language: the paper's Sogou is in no mix of the others.
    """
    names = sorted(study.corpora, key=lambda name: order.index(name) if name in order else len(order))
    found: dict[str, list[str]] = {}
    for name in names:
        for mix in ("all", domain_mix(study, name)):
            found.setdefault(_in_language(mix, study.corpora[name].language), []).append(name)
    leaks = {f"{name}_leak": Mix(corpora=[name], text="train+test") for name in names}
    return {name: Mix(corpora=corpora) for name, corpora in found.items()} | leaks


def domain_mix(study: Study, corpus: str) -> str:
    """The mix of a corpus's domain and language."""
    return _in_language(f"all_{study.corpora[corpus].domain}", study.corpora[corpus].language)


def named_mix(study: Study, mix: str, corpus: str) -> str:
    """The mix that a row means in the column of a corpus."""
    return {OWN: corpus, DOMAIN: domain_mix(study, corpus), LEAK: f"{corpus}_leak"}.get(mix, mix)


def _in_language(mix: str, language: str) -> str:
    return mix if language == "en" or mix.endswith(f"_{language}") else f"{mix}_{language}"
