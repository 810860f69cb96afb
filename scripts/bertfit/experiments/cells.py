"""What stands in one place of an artefact: a run, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertfit.config.reasons import NotApplicable, Unavailable
from bertfit.experiments import ids

BASELINE = "tfidf"  # stands where an encoder stands: word counts and a linear model


@dataclass(frozen=True)
class RunGroup:
    """What one fine-tuning is about, seeds aside: (corpus, encoder id, recipe id)."""

    corpus: str
    encoder: str
    recipe: str


@dataclass(frozen=True)
class Quoted:
    """In place of a run: an earlier system, of which only the published value exists."""


Status = Literal["ok", "not available", "not applicable", "quoted"]
Content = RunGroup | Unavailable | NotApplicable | Quoted


@dataclass(frozen=True)
class Cell:
    """One cell of an artefact: its ``content`` is a run group, which has ``seeds``, or says why there is none.

    ``seeds`` are all that any artefact asks of the run group, so that the same run shows the same number everywhere.
    ``note`` says what a run lacks, such as corpora of its mix.
    ``size`` and ``share`` (percent of the training set) belong to figures of kind sizes.
    """

    row: str
    column: str
    corpus: str
    content: Content
    seeds: tuple[int, ...] = ()
    note: str = ""
    size: str | None = None
    share: float | None = None

    @property
    def run_group(self) -> RunGroup | None:
        """What is trained for this cell, if anything is."""
        return self.content if isinstance(self.content, RunGroup) else None

    @property
    def status(self) -> Status:
        """``ok`` where there is a run, else what there is instead, as tables print it."""
        match self.content:
            case RunGroup():
                return "ok"
            case Unavailable():
                return "not available"
            case NotApplicable():
                return "not applicable"
            case Quoted():
                return "quoted"

    @property
    def reason(self) -> str:
        """Why there is no run; empty where there is one, or where one is quoted."""
        return self.content.reason if isinstance(self.content, Unavailable | NotApplicable) else ""


@dataclass(frozen=True)
class Job:
    """One training job: a run group and a block of seeds."""

    run_group: RunGroup
    block: str

    @property
    def path(self) -> str:
        """The folder of its results below the study's."""
        return f"runs/{self.run_group.corpus}/{self.run_group.encoder}/{self.run_group.recipe}/{self.block}"

    @property
    def seeds(self) -> list[int]:
        """The seeds of its block."""
        return ids.parse_block(self.block)
