"""What stands in one place of an artefact: a run, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from bertfit.experiments import ids

BASELINE = "tfidf"  # stands where an encoder stands: word counts and a linear model


@dataclass(frozen=True)
class Trainee:
    """What one fine-tuning is about, seeds aside: (corpus, encoder id, recipe id)."""

    corpus: str
    encoder: str
    recipe: str


@dataclass(frozen=True)
class Cell:
    """One cell of an artefact: a trainee and its seeds, or the reason why there is none.

    ``seeds`` are all that any artefact asks of the trainee, so that the same run shows the same number everywhere.
    ``note`` says what a run lacks, such as corpora of its mix.
    ``size`` and ``share`` (percent of the training set) belong to figures of kind sizes.
    """

    row: str
    column: str
    corpus: str
    trainee: Trainee | None
    seeds: tuple[int, ...] = ()
    status: str = "ok"  # or "not available", "not applicable", "quoted"
    reason: str = ""
    note: str = ""
    size: str | None = None
    share: float | None = None


@dataclass(frozen=True)
class Job:
    """One training job: a trainee and a block of seeds."""

    trainee: Trainee
    block: str

    @property
    def path(self) -> str:
        """The folder of its results below the study's."""
        return f"runs/{self.trainee.corpus}/{self.trainee.encoder}/{self.trainee.recipe}/{self.block}"

    @property
    def seeds(self) -> list[int]:
        """The seeds of its block."""
        return ids.parse_block(self.block)
