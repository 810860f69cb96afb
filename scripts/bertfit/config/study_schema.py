"""Schema of ``config.yaml`` and ``studies/*.yaml``: every key, its meaning, unit and default.

Unknown keys are errors. Keys of training are in `hyperparameters`, those of corpora in `corpus_schema`. The mixes that
are derived from a study's corpora (`derived_mixes`) are here, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bertfit.config.corpus_schema import Corpus, Seed, Spec, Text
from bertfit.config.encoder_schema import Encoder, Name, Vocabulary
from bertfit.config.hyperparameters import FinetuneKeys, Multitask, PretrainKeys

ArtefactKeys = Annotated[dict, Field(json_schema_extra={"keys_of": "Artefact"})]


class Mix(Spec):
    """Which texts an encoder is pre-trained on."""

    corpora: list[str] = Field(min_length=1, description="names of corpora and unlabelled texts")
    text: Literal["train", "train+test"] = Field("train", description="which splits; train+test leaks the test texts")


# ---------------------------------------------------------------------------------------------- artefacts


class Row(Spec):
    """One row of a table, or one line of a figure."""

    recipe: FinetuneKeys = Field({}, description="differences from the study's recipe")
    encoder: str | None = Field(
        None, description="base encoder; large: the study's `large`; default: the study's `base`"
    )
    mix: str | None = Field(
        None, description="further pre-training on this mix; own: the column's corpus; domain: all corpora of its "
        "domain and language; leak: train and test text of the corpus (section 5.4)",
    )  # fmt: skip
    pretraining_seed: Seed | None = Field(
        None, description="random seed of the further pre-training; default: as the study's `stage_seeds` says"
    )
    steps: int | str | None = Field(
        None, description="its steps, or a multiple of the study's such as x0.5; 0: no further pre-training"
    )
    of: int | str | None = Field(
        None, description="steps of a longer run whose checkpoint after `steps` is used; default: a separate run"
    )
    multitask: str | None = Field(None, description="then multi-task fine-tuning on this group (section 5.5)")
    baseline: Literal["tfidf"] | None = Field(
        None, description="instead of an encoder: word counts (TF-IDF) and a linear model"
    )
    quoted: bool = Field(False, description="an earlier system: published numbers are shown, nothing is run")
    without: dict[str, str] = Field({}, description="corpus -> why this row does not apply to it")
    seeds: list[Seed] | None = Field(None, description="seeds of this row; default: the artefact's")
    published: str | None = Field(None, description="label of the row in published.csv, if it differs")


class Average(Spec):
    """A last column: mean over corpora of the relative improvement over a row, in percent."""

    over: str = Field(description="row that the improvement is relative to")
    title: str = Field(description="its heading, as in published.csv")


class Artefact(Spec):
    """A table or figure: runs in rows and columns, compared with the published values."""

    kind: Literal["statistics", "table", "curves", "steps", "sizes", "lineage", "forgetting", "reliability"] = Field(
        description="how it is made: statistics of corpora; table of errors; curves of error against steps; error "
        "against pre-training steps; error against sizes of the training set; lineage of encoders; forgetting of "
        "general text; reliability of probabilities"
    )
    number: str = Field(description="its number, as `Table 2`")
    title: str = Field(description="heading")
    caption: str = Field(description="text below the heading")
    section: str = Field(description="section of the paper")
    columns: dict[str, str] = Field(description="corpus -> column heading in the paper")
    rows: dict[str, Row] = Field({}, description="row label in the paper -> what is run")
    recipe: FinetuneKeys = Field({}, description="differences from the study's recipe, of all rows")
    column_recipe: dict[str, FinetuneKeys] = Field(
        {}, description="corpus -> differences of its column; they come after those of the rows"
    )
    sizes: dict[str, FinetuneKeys] = Field(
        {}, description="kind sizes: label of a size of the training set -> differences of its recipe"
    )
    average: Average | None = Field(None, description="a last column of mean improvements")
    seeds: list[Seed] | None = Field(None, description="seeds of its runs; default: the corpus's, else the study's")

    @model_validator(mode="after")
    def _one_corpus(self) -> Artefact:
        if self.kind in ("steps", "sizes", "lineage") and len(self.columns) != 1:
            raise ValueError(f"a figure of kind {self.kind} shows one corpus, columns has {len(self.columns)}")
        if self.average and self.average.over not in self.rows:
            raise ValueError(f"average.over names {self.average.over!r}, which is no row")
        if (self.kind == "sizes") != bool(self.sizes):
            raise ValueError("`sizes` is for artefacts of kind sizes, which need it")
        return self

    def with_encoder(self, encoder: str, title: str, others: Collection[str] = ()) -> Artefact:
        """The same with another base encoder, called ``title``.

        Without rows that quote or have an encoder already, and without corpora that have one (``others``).
        """
        rows = {
            label: row.model_copy(update={"encoder": encoder})
            for label, row in self.rows.items()
            if not (row.quoted or row.baseline or row.encoder)
        }
        columns = {corpus: heading for corpus, heading in self.columns.items() if corpus not in others}
        names = {"number": f"{self.number}, {title}", "caption": f"{title}: {self.caption}"}
        return self.model_copy(update=names | {"rows": rows, "columns": columns})


# ---------------------------------------------------------------------------------------------- study


class Candidate(Spec):
    """A classifier that is tried on your own dataset: word counts, or a recipe of fine-tuning."""

    title: str = Field(description="name in the report")
    counts: Literal["words", "characters"] | None = Field(
        None, description="word counts and a linear model, no encoder: of words, or of character n-grams"
    )
    recipe: FinetuneKeys = Field({}, description="differences from the study's recipe")
    pretrained: bool = Field(False, description="further pre-training on the training texts before fine-tuning")
    uneven: bool = Field(False, description="only tried where classes are uneven")

    @model_validator(mode="after")
    def _one_kind(self) -> Candidate:
        if self.counts and (self.pretrained or "preset" in self.recipe):
            raise ValueError("word counts have no encoder: leave out pretrained and preset")
        return self


class OwnDataset(Spec):
    """Your own dataset: a corpus that is described by values of ``--config``, and the classifiers tried on it."""

    corpus: str = Field(description="the corpus that --config data=, text=, label= and test= describe")
    validation: str = Field(description="the corpus that divides its training split (source `part_of`)")
    candidates: dict[Name, Candidate] = Field(
        min_length=1, description="classifiers that are tried; cheaper ones first"
    )
    budget: float = Field(900, gt=0, description="seconds that the search may take; --config budget= comes first")
    rounds: list[float] = Field(
        [4], min_length=1, description="epochs of each round of successive halving; derived from budget and file"
    )
    keep: list[int] = Field(
        [], description="candidates with an encoder in each round; derived; default: all, then halves"
    )
    expected: float | None = Field(None, gt=0, description="seconds that it is expected to take; derived")
    patience: int | None = Field(
        None, gt=0, description="epochs in a row without a lower validation error after which a training stops; derived"
    )
    uneven: float = Field(
        5, gt=1, description="rows of the largest class, in those of the smallest, from which classes count as uneven"
    )


class Study(Spec):
    """The setting that the experiments run in: corpora, base encoders, sizes."""

    title: str = Field(description="heading of the report")
    comparable: bool = Field(description="whether its errors may be compared with the published ones")
    base: str = Field(description="base encoder of all runs, one of `encoders`")
    large: str | None = Field(None, description="larger base encoder, for Table 8 (section 5.7)")
    seeds: list[Seed] = Field([1], min_length=1, description="random seeds of fine-tuning; a run each")
    stage_seeds: Literal["one", "each"] = Field(
        "one",
        description="one: all seeds of a run start from one further pre-training and one multi-task fine-tuning, as in "
        "the paper, and claims are about these; each: every seed has its own, with the same random seed",
    )
    block: int = Field(1, gt=0, description="seeds trained by one job, one after the other")
    threads: int = Field(2, gt=0, description="CPU threads of a training job")
    base_threads: int = Field(2, gt=0, description="CPU threads of training the base encoder from scratch")
    cache_mb: int = Field(
        4000,
        ge=0,
        description="BERT-Feat: MB of states of the frozen encoder that are kept on disk; more are computed again",
    )
    sample: dict[Literal["train", "test"], int] | None = Field(
        None, description="rows kept of each split, by class, seeded; default: all"
    )
    data: str | None = Field(None, description="folder of local corpora; --config data= and BERTFIT_DATA come first")
    own: OwnDataset | None = Field(None, description="your own dataset (study `example`)")
    corpora: dict[Name, Corpus] = Field(description="labelled corpora by name")
    texts: dict[Name, Text] = Field({}, description="unlabelled texts by name")
    vocabularies: dict[Name, Vocabulary] = Field(description="WordPiece vocabularies by name")
    encoders: dict[Name, Encoder] = Field(description="base encoders by name")
    mixes: dict[Name, Mix] = Field({}, description="mixes in addition to those of config.yaml")
    multitask: dict[Name, Multitask] = Field({}, description="groups in addition to those of config.yaml")
    others: dict[Name, dict[str, ArtefactKeys]] = Field(
        {},
        description="further base encoders -> artefacts that are repeated with them, as ARTEFACT_ENCODER -> their "
        "differences from the study's own; claims about these artefacts are judged for each encoder",
    )
    held_out: str | None = Field(None, description="text or corpus whose test split shows what pre-training forgets")
    finetune: FinetuneKeys = Field({}, description="differences from the `finetune` of config.yaml, for all runs")
    pretrain: PretrainKeys = Field({}, description="differences from the `pretrain` of config.yaml")
    artefacts: dict[str, ArtefactKeys | None] = Field(
        {}, description="tables and figures of the study -> differences from config.yaml; {}: none; null: leave it out"
    )


KINDS_WITH_RUNS = ("table", "curves", "steps", "sizes", "reliability")  # kinds of artefacts whose cells are runs


def repeated(artefact: str, encoder: str) -> str:
    """Name of an artefact that is repeated with one of ``others``."""
    return f"{artefact}_{encoder}"


OWN, DOMAIN, LEAK = "own", "domain", "leak"  # values of a row's `mix` that depend on the column


def derived_mixes(study: Study, order: Sequence[str]) -> dict[str, Mix]:
    """``all_<domain>`` (section 5.4.2), ``all``, ``<corpus>_leak`` for every corpus, ``<corpus>_further``.

    Corpora of a mix are in the given ``order``, those not in it last; those that are not ``in_mixes`` are left out of
    the first two. Names of mixes of a language other than English end in the language, as the paper mixes Sogou
    (Chinese) with no other corpus; ``auto`` counts as a language, since the texts are not read yet.
    """
    names = sorted(study.corpora, key=lambda name: order.index(name) if name in order else len(order))
    corpora_of: dict[str, list[str]] = {}
    for name in (name for name in names if study.corpora[name].in_mixes):
        for mix in ("all", domain_mix(study, name)):
            corpora_of.setdefault(_in_language(mix, study.corpora[name].language), []).append(name)
    leaks = {f"{name}_leak": Mix(corpora=[name], text="train+test") for name in names}
    further = {
        f"{name}_further": Mix(corpora=[name, *study.corpora[name].further])
        for name in names
        if study.corpora[name].further
    }
    return {mix: Mix(corpora=corpora) for mix, corpora in corpora_of.items()} | leaks | further


def domain_mix(study: Study, corpus: str) -> str:
    """The mix of a corpus's domain and language."""
    return _in_language(f"all_{study.corpora[corpus].domain}", study.corpora[corpus].language)


def named_mix(study: Study, mix: str, corpus: str) -> str:
    """The mix that a row's ``mix`` stands for in the column of a corpus."""
    own = f"{corpus}_further" if study.corpora[corpus].further else corpus
    return {OWN: own, DOMAIN: domain_mix(study, corpus), LEAK: f"{corpus}_leak"}.get(mix, mix)


def _in_language(mix: str, language: str) -> str:
    return mix if language == "en" or mix.endswith(f"_{language}") else f"{mix}_{language}"
