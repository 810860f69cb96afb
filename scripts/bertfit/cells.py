"""What stands in one place of an artefact: a run, or the reason why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import ids
from .spec import Finetune

SHORT = 6  # characters of a fraction that is written instead of a number of examples
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


def fitted(recipe: Finetune, depth: int, rows: int | None = None) -> Finetune | str:
    """A recipe as an encoder of ``depth`` layers can have it, or why it cannot.

    Several names of the same layers become one (the highest layer is ``last``), and of the same share of a training set
    of ``rows`` examples: the same experiment is one run.
    """
    kind, digits = re.fullmatch(r"(last|all|first|)(\d*)", recipe.layers).groups()  # type: ignore[union-attr]
    number = int(digits or 0)
    if (kind == "" and number >= depth) or number > depth:
        return f"the encoder has {depth} layers"
    if recipe.frozen > depth:
        return f"the encoder has {depth} layers, {recipe.frozen} cannot be frozen"
    layers = recipe.layers
    if (kind == "" and number == depth - 1) or (kind == "last" and number == 1):
        layers = "last"
    elif kind == "first" and number == 1:
        layers = "0"
    elif number == depth:
        layers = "all"
    if depth == 1:
        layers = "last"
    single = layers == "last" or layers.isdigit()
    same: dict[str, Any] = {"layers": layers, "combine": "concat" if single else recipe.combine}
    if rows and recipe.examples is not None and recipe.examples <= rows:
        fraction = recipe.examples / rows
        if len(repr(fraction)) <= SHORT:  # 100 of 25,000 are 0.004
            same |= {"examples": None, "fraction": fraction}
    return recipe.model_copy(update=same)


def too_small(recipe: Finetune, rows: int | None, classes: int | None) -> str | None:
    """Why a share of a training set of ``rows`` examples cannot be trained on, or None (also for unknown ``rows``)."""
    if rows is None or (recipe.examples is None and recipe.fraction == 1):
        return None
    size = recipe.examples or round(recipe.fraction * rows)
    if size > rows:
        return f"the training set has {rows} examples"
    if classes and size < classes:
        return f"{size} of {rows} examples are fewer than one for each of {classes} classes"
    return None


def share(recipe: Finetune, rows: int | None) -> float | None:
    """Percent of the training set that a recipe uses; None where it is given in examples of an unknown whole."""
    if recipe.examples is None:
        return 100 * recipe.fraction
    return 100 * recipe.examples / rows if rows else None
