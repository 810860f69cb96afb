"""The values that a job depends on, by kind of job: what its rule hands over and its ``run.json`` keeps.

`workflow` writes them, the code of the job reads them; in between they are JSON (`plain`, ``model_validate``).
Paths are relative to the working folder. Neither torch nor pandas.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, SerializerFunctionWrapHandler, model_serializer

from bertfit.config.corpus_schema import Corpus, Spec, TextForm
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.config.study_schema import Artefact, Encoder, Shape
from bertfit.experiments.cells import RunGroup, Status

# Of `Pretrain`, what the data creation reads; the rest is for training.
INSTANCE_FIELDS = (
    "max_length", "max_predictions", "masked_share", "short_share", "dupe", "data_seed",
)  # fmt: skip
Files = list[str] | dict[str, str | list[str]]
"""Input or output of a rule: paths, by name where they have one"""


def plain(spec: Spec) -> dict[str, Any]:
    """A specification as JSON, which is what Snakemake compares, a cluster hands on and ``run.json`` keeps."""
    return spec.model_dump(mode="json", by_alias=True)


# ---------------------------------------------------------------------------------------------- corpora, tokens


class CorpusSpec(Spec):
    """Rule build_corpus. What a corpus says of encoders and pre-training changes no row of it."""

    name: str
    corpus: Annotated[
        Corpus, PlainSerializer(lambda corpus: corpus.model_dump(mode="json", exclude={"encoder", "overlaps"}))
    ]
    sample: dict[str, int] | None


class TokenSpec(TextForm):
    """Rule tokenize_corpus: the fields that are classified. What a text form says of pre-training is not kept."""

    @model_serializer(mode="wrap")
    def _classified(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key in ("fields", "text", "pair")}


class InstanceSpec(Spec):
    """Rule create_instances. ``texts`` stand here, too: Snakemake compares the inputs of a job as a set."""

    creation: Annotated[
        Pretrain, PlainSerializer(lambda values: values.model_dump(mode="json", include=set(INSTANCE_FIELDS)))
    ]
    texts: list[str]


# ---------------------------------------------------------------------------------------------- training


class FetchSpec(Encoder):
    """Rule fetch_encoder: the base encoder, without the number of GPUs that its trainings ask for."""

    @model_serializer(mode="wrap")
    def _fetched(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key != "gpus"}


class PretrainSpec(Spec):
    """Rule pretrain_encoder. ``shape`` of an encoder from scratch; ``saves``: steps -> encoder saved on the way."""

    encoder: str
    mix: str
    texts: list[str]
    pretrain: Pretrain
    seed: int
    shape: Shape | None
    saves: dict[int, str]


class MultitaskSpec(Spec):
    """Rule multitask_encoder."""

    encoder: str
    multitask: Multitask
    recipe: Finetune


class RunSpec(Spec):
    """Rules finetune and finetune_and_keep: one block of seeds of a (corpus, encoder, recipe)."""

    corpus: str
    encoder: str
    recipe: Finetune
    seeds: list[int]


class FeatureRunSpec(RunSpec):
    """Rule train_on_features."""

    cache_mb: int


class BaselineSpec(Spec):
    """Rule run_baseline."""

    corpus: str
    form: TextForm


class ScoreSpec(Spec):
    """Rules score_runs and score_all: what stands behind each of the predictions that are read, in their order."""

    study: str
    runs: list[RunGroup]


# ---------------------------------------------------------------------------------------------- tables, figures


class CellSpec(Spec):
    """A cell of an artefact (`cells.Cell`): the seeds of a (corpus, encoder, recipe), or why there are none.

    ``runs``: their folders, relative to the page; ``steps`` of further pre-training; ``size``: label of a size of the
    training set, ``share``: that size in percent; ``note``: what a run lacks.
    """

    row: str
    column: str
    corpus: str
    encoder: str | None
    recipe: str | None
    steps: int = 0
    size: str | None = None
    share: float | None = None
    seeds: list[int]
    status: Status
    reason: str
    note: str = ""
    runs: list[str] = []


class LineSpec(Spec):
    """A line of a figure: the ``history.csv`` files behind it and which of their seeds belong to it, or why none.

    ``label`` is what the legend says, ``published`` the name of the line in published.csv.
    """

    label: str
    published: str
    histories: list[str]
    seeds: list[int]
    status: Status = "ok"
    reason: str = ""


class CorpusColumn(Spec):
    """A column of the statistics of corpora; ``reason``: why there is no such corpus."""

    title: str
    domain: str | None
    max_length: int
    reason: str = ""


class DiagramStage(Spec):
    """One stage: what it is called, and in ``detail`` on what and how long."""

    kind: Literal["base", "pretraining", "multitask", "finetuning"]
    label: str
    detail: str


class DiagramPath(Spec):
    """A row of the diagram of stages: its stages in order."""

    row: str
    stages: list[DiagramStage]


class PretrainedEncoder(Spec):
    """A further pre-trained encoder: ``mix`` names its texts, ``record`` is its run.json, None for ``reason``."""

    encoder: str
    title: str
    mix: str
    steps: int
    record: str | None
    status: Status
    reason: str


class ArtefactSpec(Spec):
    """What the rules of all tables and figures share. ``templates``: digest of those of a table's HTML."""

    key: str
    artefact: Artefact
    study: str
    comparable: bool
    templates: str = ""


class StatisticsSpec(ArtefactSpec):
    """Rule tabulate_corpora."""

    corpora: dict[str, CorpusColumn]


class DiagramSpec(ArtefactSpec):
    """Rule draw_lineage."""

    paths: list[DiagramPath]


class ForgettingSpec(ArtefactSpec):
    """Rule tabulate_forgetting."""

    encoders: list[PretrainedEncoder]


class CellsSpec(ArtefactSpec):
    """Rules tabulate_runs, plot_steps and plot_sizes."""

    cells: list[CellSpec]


class LinesSpec(CellsSpec):
    """Rules plot_curves and plot_reliability."""

    lines: list[LineSpec]


# ---------------------------------------------------------------------------------------------- handing over


class ComparedCell(Spec):
    """A row of the table of methods that has runs."""

    row: str
    column: str
    corpus: str
    run_group: RunGroup
    seeds: list[int]
    status: Status
    reason: str
    note: str
    size: str | None
    share: float | None


class EncoderSource(Spec):
    """Where a base encoder is from."""

    title: str
    hub: str | None
    revision: str | None
    folder: str | None
    package: str | None
    licence: str | None


class SizeDifference(Spec):
    """A hyperparameter (``finetune.lr``) that is another one than in the paper."""

    key: str
    paper: Any
    here: Any


class DeliverySpec(Spec):
    """Rule deliver_model: all that the card says which no file holds. ``text``: column of the texts."""

    study: str
    seed: int
    text: str | int | None
    row: str
    cells: list[ComparedCell]
    encoder: EncoderSource
    pretrained_on: list[str]
    recipe: Finetune
    pretrain: Pretrain | None
    sizes: list[SizeDifference]
    template: str
