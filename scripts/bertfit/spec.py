"""What can be written in ``config.yaml`` and ``studies/*.yaml``: every key, its meaning, unit and default.

Models refuse unknown keys. The defaults of `Finetune` and `Pretrain` are the paper's (section 5.2) or, where the paper
is silent, the official code's (github:xuyige/BERT4doc-Classification at 9da5d11). What is said of corpora: `sources`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .sources import (
    Copy,
    Corpus,
    Domain,
    FileFormat,
    HubSource,
    Join,
    Layout,
    LocalSource,
    Seed,
    Source,
    Spec,
    Text,
    TextForm,
    WorldSource,
)

Truncation = Literal["head", "tail", "head+tail", "hier-mean", "hier-max", "hier-attention"]
Layers = Annotated[str, Field(pattern=r"^(last|all|first[1-9]\d*|last[1-9]\d*|\d+)$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=30)]
Share = Annotated[float, Field(ge=0, le=1)]

__all__ = [
    "Artefact", "Copy", "Corpus", "Domain", "Encoder", "FileFormat", "Finetune", "HubSource", "Join", "Layout",
    "LocalSource", "Mix", "Multitask", "Pretrain", "Row", "Shape", "Source", "Spec", "Study", "Text", "TextForm",
    "Vocabulary", "WorldSource",
]  # fmt: skip


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


class Pretrain(Spec):
    """MLM + NSP pre-training (sections 4.2 and 5.2; create_pretraining_data.py and run_pretraining.py)."""

    steps: int = Field(100_000, gt=0)
    batch_size: int = Field(32, gt=0)
    lr: float = Field(5e-5, gt=0)
    warmup: Share = Field(0.1, description="share of the steps (10,000 of 100,000)")
    max_length: int = Field(128, ge=8, description="word pieces with [CLS] and two [SEP]")
    max_predictions: int = Field(20, gt=0)
    masked_share: Share = 0.15
    short_share: Share = Field(0.1, description="documents cut to a random shorter target length")
    dupe: int = Field(5, gt=0, description="passes over the documents, each with other masks")
    data_seed: Seed = Field(12345, description="random seed of the data creation")
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0, description="global gradient norm")
    dropout: Share = 0.1
    attention_dropout: Share = 0.1
    log_every: int = Field(100, gt=0, description="steps between two rows of history.csv")


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


# ---------------------------------------------------------------------------------------------- recipes


class Finetune(Spec):
    """A recipe: how an encoder is fine-tuned on a corpus."""

    truncation: Truncation = Field("head+tail", description="5.3.1; hier-* pool fractions of the whole text")
    max_length: int = Field(512, ge=8, description="word pieces with [CLS] and [SEP]")
    head_tokens: int = Field(128, ge=0, description="head+tail: word pieces taken from the head (128 + 382)")
    fractions: int = Field(6, gt=0, description="hier-*: at most this many fractions")

    classifier: Literal["linear", "bilstm"] = Field(
        "linear",
        description="on [CLS]; bilstm: BERT-Feat (5.4.3), biLSTM + self-attention on a frozen encoder's states",
    )
    layers: Layers = Field("last", description="5.3.2: last, all, first4, last4, or a number from 0, the lowest")
    combine: Literal["concat", "mean", "max"] = Field("concat", description="of several layers")
    pooler: bool = Field(False, description="the encoder's dense + tanh on [CLS] (official --layers -2); false: raw")
    frozen: int = Field(0, ge=0, description="this many of the lowest layers, and the embeddings, are not trained")
    lstm: int = Field(300, gt=0, description="bilstm: units per direction")
    lstm_attention: int = Field(350, gt=0, description="bilstm: width of the self-attention (Lin et al. 2017)")

    lr: float = Field(2e-5, gt=0, description="base learning rate")
    layer_decay: float = Field(1.0, gt=0, le=1, description="xi of section 4.1")
    embeddings: Literal["base", "decayed"] = Field("base", description="rate of the embeddings (base: official code)")
    epochs: float = Field(4, gt=0)
    steps: int | None = Field(None, gt=0, description="instead of epochs")
    minimum_steps: int = Field(0, ge=0, description="at least so many; 100 examples in 4 epochs are 20 steps")
    batch_size: int = Field(24, gt=0)
    warmup: Share = Field(0.1, description="share of the steps")
    schedule: Literal["official", "continuous"] = Field(
        "official", description="official drops by the warm-up's share at its end; continuous is a triangle"
    )
    bias_correction: bool = Field(False, description="of Adam; the official BERTAdam has none")
    weight_decay: float = Field(0.01, ge=0, description="not on biases and LayerNorm")
    clip: float = Field(1.0, gt=0, description="gradient norm")
    clip_by: Literal["tensor", "global"] = Field(
        "tensor", description="norm of each tensor (official BERTAdam), or of all"
    )
    dropout: Share = Field(0.1, description="hidden states and head")
    attention_dropout: Share = 0.1
    head_init: float = Field(0.02, gt=0, description="standard deviation of the new head's weights")
    exact_tail: bool = Field(False, description="keep the official negative rate of the very last steps")

    evaluate_every: int | None = Field(None, gt=0, description="steps between evaluations; default: each epoch")
    validation: Share = Field(0.0, description="share of the training set held out; best is then chosen on it")
    fraction: float = Field(1.0, gt=0, le=1, description="share of the training set used (few-shot)")
    examples: int | None = Field(None, gt=0, description="instead of fraction: so many examples")
    keep: Literal["nothing", "weights"] = Field("nothing", description="weights: also a folder that transformers loads")


class Multitask(Spec):
    """Multi-task fine-tuning (sections 4.3 and 5.5): shared encoder, a head per corpus, one corpus per batch."""

    corpora: list[str] = Field(min_length=1, description="those that a study lacks are left out")
    sampling: Literal["proportional", "equal", "temperature"] = Field(
        "proportional", description="how often a corpus gives the batch; temperature: size ** (1 / temperature)"
    )
    temperature: float = Field(2.0, gt=0)
    order: Literal["epochs", "official"] = Field(
        "epochs", description="epochs cover each corpus; official: every batch is drawn afresh from all its examples"
    )
    recipe: dict[str, float | int | str | bool | None] = Field({}, description="differences from the study's recipe")
    seed: Seed = 1


# ---------------------------------------------------------------------------------------------- artefacts


class Row(Spec):
    """One row of a table, or one line of a figure."""

    recipe: dict[str, float | int | str | bool | None] = Field({}, description="differences from the study's recipe")
    encoder: str | None = Field(
        None, description="base encoder where it is not the study's; large: the study's large one"
    )
    mix: str | None = Field(
        None, description="further pre-training on this mix; own: the column's corpus, domain: all of its domain, "
        "leak: the corpus's train+test text",
    )  # fmt: skip
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

    kind: Literal["statistics", "table", "curves", "steps", "sizes", "lineage", "forgetting"]
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


class Study(Spec):
    """One world the experiments run in."""

    title: str
    comparable: bool = Field(description="whether its errors may be set against the published ones")
    base: str = Field(description="the base encoder")
    large: str | None = Field(None, description="the larger one of Table 8")
    seeds: list[Seed] = Field([1], min_length=1)
    block: int = Field(1, gt=0, description="seeds trained by one job, one after the other")
    threads: int = Field(2, gt=0, description="CPU threads of a training job")
    base_threads: int = Field(2, gt=0, description="CPU threads of training a base encoder from scratch")
    cache_mb: int = Field(4000, ge=0, description="BERT-Feat: states of the frozen encoder are kept up to this size")
    sample: dict[Literal["train", "test"], int] | None = Field(
        None, description="rows kept per split, stratified and seeded, for small machines"
    )
    data: str | None = Field(None, description="folder of local corpora; --config data=... and BERTFIT_DATA come first")
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
