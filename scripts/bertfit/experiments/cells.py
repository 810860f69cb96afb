"""A cell of an artefact: its run group, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertfit.config.reasons import NotApplicable, Unavailable
from bertfit.experiments import ids

BASELINE = "tfidf"  # used in place of an encoder id: word counts and a linear model


@dataclass(frozen=True)
class RunGroup:
    """Runs that differ in their seeds only: the same corpus, encoder (id) and recipe (id)."""

    corpus: str
    encoder: str
    recipe: str


@dataclass(frozen=True)
class Quoted:
    """Content of a cell of an earlier system, of which only the published value exists."""


Status = Literal["ok", "not available", "not applicable", "quoted"]
Content = RunGroup | Unavailable | NotApplicable | Quoted


@dataclass(frozen=True)
class Cell:
    """One cell of an artefact: its ``content`` is a run group, which has ``seeds``, or says why there is none.

    ``seeds`` is the union over all artefacts that show the run group, so that it has the same mean everywhere. ``note``
    says what a run lacks, such as corpora of its mix. ``size`` (a label) and ``share`` (percent of the training set)
    are set in figures of kind sizes.
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
        """The run group of this cell; None if nothing is trained for it."""
        return self.content if isinstance(self.content, RunGroup) else None

    @property
    def status(self) -> Status:
        """``ok`` for a run group, else the words that tables print instead of an error."""
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
        """Why there is no run; empty for run groups and quoted systems."""
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
