"""Job specifications: the values that a job depends on, by rule. Rules pass them as JSON, ``run.json`` records them.

`workflow` creates them, the scripts of the rules read them back (`plain`, ``model_validate``). Paths are relative to
the working folder. Imports neither torch nor pandas.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, SerializerFunctionWrapHandler, model_serializer

from bertfit.config.corpus_schema import Corpus, Spec, TextForm
from bertfit.config.encoder_schema import Encoder, Shape
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.config.study_schema import Artefact
from bertfit.experiments.cells import RunGroup, Status

# The fields of `Pretrain` that the data creation reads; the others are for training.
INSTANCE_FIELDS = (
    "objective", "max_length", "max_predictions", "masked_share", "short_share", "dupe", "data_seed",
)  # fmt: skip
BLOCK_FIELDS = ("objective", "max_length")  # those that it reads for masked words alone
Files = list[str] | dict[str, str | list[str]]
"""Input or output of a rule: a list of paths, or paths by name"""


def plain(spec: Spec) -> dict[str, Any]:
    """A specification as JSON: Snakemake compares it to the last run's, and ``run.json`` records it."""
    return spec.model_dump(mode="json", by_alias=True)


# ---------------------------------------------------------------------------------------------- corpora, tokens


class CorpusSpec(Spec):
    """Rule build_corpus. Serialised without the keys about encoders and pre-training, which change no row."""

    name: str
    corpus: Annotated[
        Corpus, PlainSerializer(lambda corpus: corpus.model_dump(mode="json", exclude={"encoder", "overlaps"}))
    ]
    sample: dict[str, int] | None


class TokenSpec(TextForm):
    """Rule tokenize_corpus. Serialised without the keys about pre-training text."""

    @model_serializer(mode="wrap")
    def _classified(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key in ("fields", "text", "pair")}


class CoverageSpec(Spec):
    """Rule check_encoder. ``max_length``: word pieces of a text that the study's recipe reads."""

    form: TokenSpec
    max_length: int


class InstanceSpec(Spec):
    """Rule create_instances. ``texts``: names of the inputs, in order; Snakemake compares inputs as a set."""

    creation: Annotated[
        Pretrain,
        PlainSerializer(
            lambda values: values.model_dump(
                mode="json", include=set(BLOCK_FIELDS if values.blocks else INSTANCE_FIELDS)
            )
        ),
    ]
    texts: list[str]


# ---------------------------------------------------------------------------------------------- training


class FetchSpec(Encoder):
    """Rule fetch_encoder. Serialised without ``gpus`` and ``generator``, which only trainings use."""

    @model_serializer(mode="wrap")
    def _fetched(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key not in ("gpus", "generator")}


class PretrainSpec(Spec):
    """Rule pretrain_encoder. ``shape``: of an encoder from scratch; ``saves``: steps -> encoder of that checkpoint."""

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


class BlockSpec(Spec):
    """Rules finetune and finetune_and_save: a block of seeds of a run group."""

    corpus: str
    encoder: str
    recipe: Finetune
    seeds: list[int]


class FeatureBlockSpec(BlockSpec):
    """Rule train_on_features."""

    cache_mb: int


class BaselineSpec(Spec):
    """Rules run_baseline and count_and_save."""

    corpus: str
    form: TextForm
    analyzer: Literal["default", "words", "characters"] = "default"
    fraction: float = 1.0
    class_weights: Literal["none", "balanced"] = "none"


class ScoreSpec(Spec):
    """Rules score_runs and score_all: the run group of each file of predictions, in the order of the inputs."""

    study: str
    runs: list[RunGroup]


# ---------------------------------------------------------------------------------------------- tables, figures


class CellSpec(Spec):
    """A cell of an artefact (`cells.Cell`): the seeds of a (corpus, encoder, recipe), or why there are none.

    ``runs``: folders of the runs, relative to the page; ``steps``: of further pre-training; ``size``: label of a size
    of the training set; ``share``: that size in percent; ``note``: what the runs lack.
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
    """A line of a figure: its ``history.csv`` files and the seeds to read from them, or why there are none.

    ``label``: as in the legend; ``published``: as in published.csv.
    """

    label: str
    published: str
    histories: list[str]
    seeds: list[int]
    status: Status = "ok"
    reason: str = ""


class CorpusColumn(Spec):
    """A column of the table of corpus statistics; ``reason``: why the corpus is unavailable."""

    title: str
    domain: str | None
    max_length: int
    reason: str = ""


class DiagramStage(Spec):
    """A box of the stage diagram; ``detail``: texts or corpora, and steps."""

    kind: Literal["base", "pretraining", "multitask", "finetuning"]
    label: str
    detail: str


class DiagramPath(Spec):
    """A row of the stage diagram: its stages in order."""

    row: str
    stages: list[DiagramStage]


class PretrainedEncoder(Spec):
    """A further pre-trained encoder. ``mix``: its texts; ``records``: its run.json, or one for each seed."""

    encoder: str
    title: str
    mix: str
    steps: int
    records: list[str]


class ArtefactSpec(Spec):
    """Values that the rules of all tables and figures share.

    ``templates``: digest of those of a table's HTML; ``published``: digest of the published values, where it has any.
    """

    key: str
    artefact: Artefact
    study: str
    comparable: bool
    templates: str = ""
    published: str = ""


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


# ---------------------------------------------------------------------------------------------- exported classifier


class EncoderSource(Spec):
    """Source of a base encoder, for the model card."""

    title: str
    hub: str | None
    revision: str | None
    folder: str | None
    package: str | None
    licence: str | None


class SizeDifference(Spec):
    """A hyperparameter (``key``, such as ``finetune.lr``) that differs from the paper's."""

    key: str
    paper: Any
    here: Any


class DeliverySpec(Spec):
    """Rule deliver_model: the values of the model card that no input file holds.

    ``text``: column of the texts; ``encoder`` and ``recipe``: None where the classifier counts words; ``template``:
    digest of the card's templates.
    """

    study: str
    seed: int
    text: str | int | None
    encoder: EncoderSource | None
    pretrained_on: list[str]
    recipe: Finetune | None
    pretrain: Pretrain | None
    sizes: list[SizeDifference]
    template: str
