"""How far trainings vary between seeds, and on how many test texts two of them disagree (``paper/spreads.yaml``).

Errors are shares, not percent, except in the file.
"""

from __future__ import annotations

from math import hypot, sqrt
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import stats

from bertfit.claims.claim_schema import declared_name
from bertfit.config.corpus_schema import Spec
from bertfit.config.validation import validate
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError
from bertfit.core.files import PROJECT

SPREADS = PROJECT / "paper" / "spreads.yaml"
Share = Annotated[float, Field(ge=0, le=2)]
Deviation = Annotated[float, Field(ge=0, le=3)]


class Disagreement(Spec):
    """Share of the test texts on which two models with the same error p disagree, over p (1 - p); 2 if independent."""

    seeds: Share = Field(description="two seeds of one way to train")
    recipes: Share = Field(description="two ways with the same encoder")
    encoders: Share = Field(description="two ways with different encoders")


class Spread(Spec):
    """How far the trainings of a study vary."""

    disagreement: Disagreement = Field(description="on how many test texts two trained models disagree")
    seeds: dict[int, Deviation] = Field(
        min_length=1,
        description="fewest training examples -> standard deviation between seeds on the probit scale",
    )
    error: float = Field(gt=0, lt=100, description="percent, of corpora of which the paper has no error")
    source: str = Field(description="where the numbers are from")

    def between_seeds(self, examples: int) -> float:
        """Standard deviation between seeds on the probit scale with so many training examples."""
        fits = [fewest for fewest in self.seeds if fewest <= examples]
        return self.seeds[max(fits) if fits else min(self.seeds)]

    def disagreeing(self, first: float, second: float, *, same_encoder: bool) -> float:
        """Share of the texts on which two models of different ways disagree, from their errors.

        Where errors differ, close to that of normal hidden sums with a common threshold each, and never impossible.
        """
        share = self.disagreement.recipes if same_encoder else self.disagreement.encoders
        binomial = sqrt(first * (1 - first) * second * (1 - second))
        return hypot(share * binomial, first - second)


class StudySpread(Spec):
    """What a study has of its own, in place of that of all studies."""

    disagreement: Disagreement | None = Field(None, description="as above")
    seeds: dict[int, Deviation] | None = Field(None, min_length=1, description="as above")
    error: float | None = Field(None, gt=0, lt=100, description="as above")
    source: str = Field(description="where the numbers are from")


class Spreads(Spread):
    """The file: those of any study, and what single studies have of their own."""

    studies: dict[str, StudySpread] = Field({}, description="study -> what it has of its own of these keys")

    def of(self, study: str) -> Spread:
        """The spread of a study."""
        own = self.studies.get(declared_name(study))
        values = self.model_dump(exclude={"studies"}) | (own.model_dump(exclude_none=True) if own else {})
        return Spread.model_validate(values)


def load(path: Path) -> Spreads:
    """Read ``paper/spreads.yaml``. Raises `UserError` with file and line where it violates the schema."""
    return validate(Spreads, yaml_loader.load(path), ())


class Measured(Spec):
    """What a study's own results say."""

    errors: dict[str, float]
    """corpus -> mean error of its run groups"""
    between_seeds: float | None
    """standard deviation on the probit scale; None where no run group has several seeds"""


def measured(path: Path, spread: Spread) -> Measured | None:
    """From ``results.parquet``, beside the stated disagreement of seeds; None where there is no such file.

    The spread is that of the median run group, since failed runs are far from the others.
    Raises `UserError` where the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        frame = pd.read_parquet(path, columns=["corpus", "encoder", "recipe", "selection", "n", "error"])
    except (OSError, ValueError) as problem:
        raise UserError(f"{path}: not the results of a study ({problem}); delete it and run again") from problem
    frame = frame[frame["selection"] == "last"]
    groups = frame.groupby(["corpus", "encoder", "recipe"])
    table = groups.agg(error=("error", "mean"), variance=("error", "var"), seeds=("error", "size"), n=("n", "first"))
    table["error"] /= 100
    table["variance"] /= 100**2
    several = table[(table["seeds"] > 1) & (table["error"] > 0) & (table["error"] < 0.5)]
    deviation = None
    if len(several):
        error, freedom = several["error"].to_numpy(), several["seeds"].to_numpy() - 1
        scatter = spread.disagreement.seeds * error * (1 - error) / (2 * several["n"].to_numpy())
        variance = several["variance"].to_numpy() * freedom / stats.chi2.median(freedom)
        density = stats.norm.pdf(stats.norm.ppf(error))
        deviation = float(np.sqrt(max(0.0, np.median((variance - scatter) / density**2))))
    errors = {str(corpus): float(group.mean()) for corpus, group in table["error"].groupby("corpus")}
    return Measured(errors=errors, between_seeds=deviation)
