"""Job specifications of plan and report (see `job_specs`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from bertfit.config.corpus_schema import Spec
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.config.study_schema import Average
from bertfit.contributions.contributed import Contributed
from bertfit.experiments.cells import Status

# ---------------------------------------------------------------------------------------------- plan


class PlannedPretraining(Spec):
    """A pre-training job. ``instances``: its file; ``texts``: their sources; ``saves``: number of checkpoints."""

    kind: Literal["pretrain"]
    pretrain: Pretrain
    mix: str
    texts: list[str]
    instances: str
    name: str
    base: str
    needs: list[str]
    benchmark: str
    saves: int


class PlannedMultitask(Spec):
    """A job of multi-task fine-tuning; ``whole`` is its recipe."""

    kind: Literal["multitask"]
    group: Multitask
    whole: Finetune
    name: str
    base: str
    needs: list[str]
    benchmark: str
    saves: int


class PlannedBaseline(Spec):
    """A job without an encoder."""

    name: str
    corpus: str
    recipe: str
    seeds: list[int]
    kind: Literal["baseline"]
    needs: list[str]
    benchmark: str


class PlannedBlock(Spec):
    """A block of seeds. In all jobs, ``name`` is the folder below the study's, ``needs`` the names of parent jobs."""

    name: str
    corpus: str
    recipe: str
    seeds: list[int]
    kind: Literal["finetune", "train_on_features"]
    base: str
    needs: list[str]
    benchmark: str


PlannedJob = Annotated[
    PlannedPretraining | PlannedMultitask | PlannedBaseline | PlannedBlock, Field(discriminator="kind")
]


class PlannedArtefact(Spec):
    """A table or figure, and its jobs; those that they need are not repeated."""

    number: str
    title: str
    jobs: list[str]


class PlannedCorpus(Spec):
    """An available corpus: declared rows by split, and token files."""

    rows: dict[Literal["train", "test"], int]
    classes: int | None
    tokens: dict[Literal["train", "test"], str]


class PlannedEncoder(Spec):
    """Sources of the size of a base encoder: its config.json, its declared shape, its name, or its depth (layers)."""

    config: str
    family: str = "bert"
    shape: Shape | None
    hub: str | None
    folder: str | None
    package: str | None
    layers: int
    vocabulary: int | None


class StudyPlan(Spec):
    """All training jobs, by artefact, and what they read.

    ``file``: name of the plan; ``titles``: corpus -> its name in Table 1 of the paper; ``folders``: those of encoders;
    ``base``: the base encoder that `measure_speed` times; ``gpus``: base encoder -> GPUs that its jobs ask for.
    """

    study: str
    root: str
    file: str
    cache_mb: int
    titles: dict[str, str]
    jobs: list[PlannedJob]
    artefacts: dict[str, PlannedArtefact]
    recipes: dict[str, Finetune]
    encoders: dict[str, PlannedEncoder]
    folders: list[str]
    base: str
    gpus: dict[str, int]
    jobs_per_gpu: int
    corpora: dict[str, PlannedCorpus]
    texts: list[str]


class PlanSpec(Spec):
    """Rule plan. ``throughput``: 10**12 operations per second, ``step_ms``: of a step, ``watts``: if they are given.

    ``cuda_graphs``: whether jobs launch their steps as CUDA graphs where they can.
    """

    throughput: float | None
    step_ms: float | None
    cuda_graphs: bool
    watts: float | None = None
    plan: StudyPlan


class PlannedStage(Spec):
    """What plan.json says of the jobs of a stage, for the report: their number, and seconds within their loops."""

    jobs: int
    seconds: float


class CalibrationSpec(Spec):
    """Rule measure_speed: what is timed, and the machine, so that another one is measured again.

    ``cuda_graphs`` and ``half_weights``: how jobs compute their steps on a GPU (`train_step.StepOptions`).
    """

    encoder: PlannedEncoder
    recipe: Finetune
    pretrain: Pretrain
    threads: int
    cuda_graphs: bool
    half_weights: bool
    machine: list[str]


# ---------------------------------------------------------------------------------------------- report


class ReportedStudy(Spec):
    """A study, as the report describes it. ``others``: further encoder -> its title, and artefacts repeated with it."""

    name: str
    title: str
    comparable: bool
    base: str
    others: dict[str, tuple[str, list[str]]] = {}
    seeds: list[int]


class ReportedCell(Spec):
    """A cell of an artefact; ``run``: the address of its runs (`report_jobs.address`)."""

    row: str
    column: str
    run: str | None
    size: str | None
    status: Status
    reason: str
    note: str


class ReportedArtefact(Spec):
    """A table or figure; ``reasons``: corpus -> why it has no statistics."""

    key: str
    kind: str
    number: str
    title: str
    caption: str
    section: str
    columns: dict[str, str]
    average: Average | None
    figure: bool
    cells: list[ReportedCell]
    reasons: dict[str, str]


TrainingStage = Literal["fetched", "pre-training", "multi-task fine-tuning", "features", "fine-tuning", "baseline"]


class ReportedBlock(Spec):
    """A block of seeds: its folder below the study's, and the artefacts that show its run group."""

    model_config = ConfigDict(populate_by_name=True)

    path: str
    corpus: str
    encoder: str
    recipe: str
    seeds: list[int]
    stage: TrainingStage
    shown_in: list[str] = Field(alias="in")


class ReportedEncoder(Spec):
    """An encoder; ``parent``: it was trained from; ``saved_from``: final encoder of the run it is a checkpoint of."""

    encoder: str
    title: str
    parent: str | None
    saved_from: str | None
    stage: TrainingStage


class ReportedCorpus(Spec):
    """A corpus; ``reason``: why it is unavailable; ``documents``: cards of its pre-training texts."""

    title: str
    reason: str
    documents: list[str]


class ReportSpec(Spec):
    """Rule build_report; paths are below the results folder.

    ``texts``: corpora whose texts may be shown; ``behind``: claim -> for each comparison the addresses of its runs;
    ``expected``: claim -> the expected verdict on synthetic corpora; ``templates``: their digest; ``contributed``: of
    a merged archive.
    """

    claims: str
    study: ReportedStudy
    default: Finetune
    artefacts: list[ReportedArtefact]
    scores: list[str]
    runs: list[ReportedBlock]
    encoders: list[ReportedEncoder]
    corpora: dict[str, ReportedCorpus]
    texts: list[str]
    behind: dict[str, list[list[str]]]
    expected: dict[str, str]
    templates: str
    contributed: Contributed | None = None


class DescriptionSpec(Spec):
    """Rule describe_corpus."""

    corpus: str


class CrateSpec(Spec):
    """Rule crate_study. ``corpora``: those of the descriptions, in order; ``scripts``: rule -> its script."""

    corpora: list[str]
    scripts: dict[str, str]
