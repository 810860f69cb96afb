"""``run.json``, the record that a training leaves (written with `training.run_record`): what repeats it, what it cost.

A record may say more than is read here, such as whether heads were newly initialised.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from bertfit.config.corpus_schema import Spec
from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.core.pydantic_errors import from_json
from bertfit.energy import energy_use
from bertfit.energy.energy_use import Energy


class _Recorded(BaseModel):
    """Base of the parts: frozen; what is not declared here is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class InputFile(_Recorded):
    """An input of the job, and its digest."""

    path: str
    sha256: str


class Machine(_Recorded):
    """Operating system, processor or GPU, and the number of processes (GPUs) that trained together."""

    system: str
    device: str
    processes: int
    step: str | None = None
    """how steps were computed on a GPU, see `train_step.StepOptions`"""


class PeakMemory(_Recorded):
    """Peak bytes of the process and, on CUDA, of the device."""

    process: int
    device: int | None = None


class Encoding(_Recorded):
    """Seconds that BERT-Feat takes to read all texts with the frozen encoder, once."""

    seconds: float = 0.0
    energy: Energy | None = None


class EvaluationTime(_Recorded):
    """The fastest evaluation of the test split: ``seconds`` for all its texts, in batches of up to ``batch_tokens``."""

    texts: int
    tokens: int | None
    batch_tokens: int | None
    seconds: float

    @property
    def milliseconds(self) -> float:
        """Of a text, on average."""
        return 1000 * self.seconds / self.texts


class ClassifierFacts(_Recorded):
    """A trained classifier: parameters with those of its encoder, their bytes in float32; None: never evaluated."""

    parameters: int
    bytes: int
    evaluation: EvaluationTime | None


class EncoderFacts(_Recorded):
    """The encoder of a training: its family, whether texts are packed or padded, weights that it has."""

    family: str
    way: str
    parameters: int


class SeedCost(_Recorded):
    """What one seed of a block took, with its evaluations."""

    seconds: float
    energy: Energy | None = None
    tokens: int | None = None
    steps: int | None = None


class JobCost(_Recorded):
    """What a job took; ``seconds`` are those of its loop summed over restarts, None where nothing is trained.

    ``energy`` is of the same time; None in records of versions that did not measure it.
    """

    seconds: float | None = None
    energy: Energy | None = None
    tokens: int | None = None
    steps: int | None = None
    threads: int | None = None
    encoding: Encoding = Encoding()
    peak_memory_bytes: PeakMemory
    seeds: dict[int, SeedCost] = {}
    """of a block: the parts of ``seconds``, ``energy`` and ``tokens``"""

    @property
    def total_seconds(self) -> float | None:
        """Training and evaluation, with the states of BERT-Feat."""
        return None if self.seconds is None else self.seconds + self.encoding.seconds

    @property
    def total_energy(self) -> Energy | None:
        """The same of energy; None where a part was not measured."""
        if self.energy is None or (self.encoding.seconds and self.encoding.energy is None):
            return None
        return self.energy.plus(self.encoding.energy) if self.encoding.energy else self.energy

    def of_seeds(self, taken: Collection[int]) -> JobCost:
        """The cost had only the seeds ``taken`` of a block been trained: encoding and memory are those of any of them.

        A job of one seed, such as the baseline, does not list it. Raises `UserError` where a seed is not recorded.
        """
        if set(self.seeds) <= set(taken):
            return self
        if missing := set(taken) - set(self.seeds):
            raise UserError(f"run.json of seeds {sorted(self.seeds)}: its cost says nothing of {sorted(missing)}")
        seeds = {seed: cost for seed, cost in self.seeds.items() if seed in taken}
        sums = {
            "seconds": sum(cost.seconds for cost in seeds.values()),
            "energy": energy_use.total(cost.energy for cost in seeds.values()),
            "tokens": energy_use.together(cost.tokens for cost in seeds.values()),
        }
        return self.model_copy(update={**sums, "seeds": seeds})


class JobRecord(_Recorded):
    """The record of any job. ``spec`` holds the values that it depended on, as JSON: see `spec_of`."""

    code: str
    spec: dict[str, Any]
    encoder: EncoderFacts | None = None
    source: dict[str, str] = {}
    """of a fetched encoder: where it comes from, and its terms"""
    inputs: dict[str, InputFile]
    versions: dict[str, str]
    machine: Machine
    cost: JobCost
    classifier: ClassifierFacts | None = None
    """of the trainings of runs; None in records of versions that did not measure it"""
    diverged_at: dict[str, int | None] = {}
    """seed -> the step at which its training diverged, or None; of the trainings of runs alone"""
    contributor: str | None = None
    """in a merged archive: who made it"""
    joined: list[JoinedJob] = []
    """in a merged archive: the jobs whose seeds make up this block; its cost is their sum"""

    @property
    def jobs(self) -> list[JobRecord]:
        """Those that were run: of joined ones with the cost of the seeds taken, else this one alone."""
        return [part.taken for part in self.joined] or [self]

    @property
    def milliseconds(self) -> float | None:
        """Of a text of the test split, times the GPUs that shared its evaluation; None where it was not measured."""
        evaluation = self.classifier and self.classifier.evaluation
        return evaluation.milliseconds * self.machine.processes if evaluation else None

    def of_seed(self, seed: int) -> JobRecord:
        """The job that trained a seed of this block."""
        return next((part.record for part in self.joined if seed in part.seeds), self)


class JoinedJob(_Recorded):
    """A job of another block of seeds, of which ``seeds`` were taken."""

    seeds: list[int]
    record: JobRecord

    @property
    def taken(self) -> JobRecord:
        """The record, whose cost is that of the seeds taken."""
        return self.record.model_copy(update={"cost": self.record.cost.of_seeds(self.seeds)})


class HeldOutLoss(_Recorded):
    """Masked-word loss on the held-out text, in nats per masked word piece; no ``before`` where the heads were new."""

    before: float | None
    after: float

    @property
    def change(self) -> float | None:
        """After - before: above 0 means forgetting."""
        return None if self.before is None else self.after - self.before


class PretrainingRecord(JobRecord):
    """The record of a pre-training: ``steps`` until this encoder, and its loss if the study has a held-out text."""

    steps: int
    held_out_mlm_loss: HeldOutLoss | None


R = TypeVar("R", bound=JobRecord)
S = TypeVar("S", bound=Spec)


RERUN = "delete its folder and run again"


def read(path: Path, kind: type[R], *, remedy: str = RERUN) -> R:
    """Read the ``run.json`` of a job. Raises `UserError` where it is missing, damaged or of another kind of job.

    ``remedy`` ends the error's message; for results that the reader cannot make again it must be another than `RERUN`.
    """
    try:
        return from_json(kind, read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not the record of a job ({error}); {remedy}") from error


def fastest(classifiers: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Of equal classifiers (`classification.measured`) the one whose evaluation took the least time; None of none."""
    evaluated = [classifier for classifier in classifiers if classifier["evaluation"]]
    if evaluated:
        return min(evaluated, key=lambda classifier: classifier["evaluation"]["seconds"])
    return classifiers[0] if classifiers else None


def spec_of(path: Path, record: JobRecord, kind: type[S]) -> S:
    """The values that the job of a record depended on, a model of `job_specs`; ``path`` is that of the record.

    Raises `UserError` where they are those of another kind of job.
    """
    try:
        return from_json(kind, record.spec)
    except ValueError as error:
        raise UserError(f"{path}: not a {kind.__name__} ({error}); {RERUN}") from error
