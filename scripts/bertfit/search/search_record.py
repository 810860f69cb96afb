"""Records of the search: ``search/round<k>.json`` and ``search/choice.json``. Imports neither numpy nor pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from bertfit.config.corpus_schema import Spec
from bertfit.config.study_schema import OwnDataset
from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.core.pydantic_errors import from_json

Metric = Literal["error", "macro_f1", "micro_f1"]
"""what candidates are compared by: error, the lower the better; macro-F1 where classes are uneven; micro-F1 where a
text has several labels"""


class Record(BaseModel):
    """Base of the records: frozen, and an unknown entry is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Trained(Record):
    """A run of a candidate. ``folder`` is below that of the results, ``epochs`` those of its recipe."""

    candidate: str
    title: str
    encoder: str
    recipe: str
    epochs: float
    folder: str


class MeasuredRun(Trained):
    """A finished run, measured on the validation data. Shares of 1, not percent."""

    round: int
    error: float
    low: float
    high: float
    """95 % interval of the error"""
    macro_f1: float
    micro_f1: float
    seconds: float
    """of the training"""
    pretraining_seconds: float
    """of the further pre-training before it, which its other rounds share"""
    ended: float
    """epochs after which it was measured: fewer than ``epochs`` if it was stopped early or diverged"""
    diverged_at: int | None = None
    """step at which its training diverged: it is then measured as the guess of the most frequent class"""

    def score(self, metric: Metric) -> float:
        """The higher the better."""
        return -self.error if metric == "error" else getattr(self, metric)


class Round(Record):
    """A round: what it trains, and what is known when it begins. ``seconds`` are those spent so far."""

    number: int
    metric: Metric
    runs: list[Trained]
    left_out: dict[str, str]
    """candidate -> why it is not trained in this round"""
    measured: list[MeasuredRun]
    """all finished runs, in the order of the rounds"""
    budget: float
    seconds: float


class Lead(Record):
    """By how much the winner is ahead of another candidate: the difference of scores, with its interval."""

    candidate: str
    title: str
    value: float
    low: float
    high: float


class Final(Record):
    """The winner's training on the whole training split."""

    encoder: str
    recipe: str
    folders: list[str]
    """of the jobs of all seeds"""
    curve: list[str] = []
    """folders of the runs on shares of the training part, for the learning curve"""


class FinalOption(Final):
    """How a candidate would be trained again if it won after so many epochs."""

    candidate: str
    epochs: float


class SearchSpec(Spec):
    """Specification of the rules plan_round and choose_model: all runs that candidates may have."""

    own: OwnDataset
    runs: list[Trained]
    finals: list[FinalOption]
    shares: list[float] = []
    """of the training part, of the runs of each learning curve"""


class CurveSpec(Spec):
    """Specification of rule draw_learning_curve: the share of the training part of each of its runs."""

    shares: list[float]


class Choice(Record):
    """The outcome: the winner's run, its lead on the others, and how it is trained again."""

    metric: Metric
    winner: MeasuredRun
    final: Final
    epochs: float
    """of the winner's last training"""
    leads: list[Lead]
    """on every other candidate that was measured, the runner-up first"""
    measured: list[MeasuredRun]
    left_out: dict[str, str]
    """candidate -> why it was not trained to the end"""
    titles: dict[str, str] = {}
    """candidate -> its name for readers"""
    texts: int
    """number of validation texts"""
    budget: float
    seconds: float

    def spent_on(self, candidate: str) -> float:
        """Seconds of all trainings of a candidate on the training part, and of the pre-training that they share."""
        runs = [run for run in self.measured if run.candidate == candidate]
        return sum(run.seconds for run in runs) + max((run.pretraining_seconds for run in runs), default=0.0)


def read_round(path: Path) -> Round:
    """Read a round. Raises `UserError` if the file is missing or damaged."""
    return _read(Round, path)


def read_choice(path: Path) -> Choice:
    """Read the outcome. Raises `UserError` if the file is missing or damaged."""
    return _read(Choice, path)


def _read(kind: type, path: Path):  # type: ignore[no-untyped-def]
    try:
        return from_json(kind, read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a record of the search ({error}); delete it and run again") from error
