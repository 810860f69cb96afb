"""Claims as data (``paper/claims.yaml``): sentences of the paper, and questions of this project, as comparisons.

`Claim`, `Compare` and `Side` are the schema of the file. `resolve` turns them into `Question` and `Contrast`: the same
claims on the runs of a study. Imports neither torch nor pandas, since Snakemake reads this at every start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bertfit.config.corpus_schema import Seed, Spec
from bertfit.config.validation import validate
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError, nearest
from bertfit.core.yaml_loader import Document
from bertfit.experiments.cells import RunGroup

Kind = Literal["better", "equal", "not better", "larger gain", "fails", "fails more often"]
ClaimName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
Points = Annotated[float, Field(gt=0, le=100)]
Labels = Annotated[str | list[str], Field(min_length=1, json_schema_extra={"minItems": 1})]
ABSENCE: tuple[Kind, ...] = ("equal", "not better")  # claims of no effect
Verdict = Literal["holds", "does not hold", "inconclusive", "not available"]
ORDER: tuple[Verdict, Verdict, Verdict, Verdict] = ("holds", "does not hold", "inconclusive", "not available")
"""verdicts, in display order"""
HOLDS, FAILS, INCONCLUSIVE, ABSENT = ORDER
NOT_CHOSEN = "left out by --config artefacts"
"""reason of a comparison whose runs are of other artefacts than those chosen"""
Mark = Literal["effect", "null", "unknown"]
"""what is expected of a claim on synthetic corpora, see `expected`"""
Measure = Literal["test_error", "training_error"]
Selection = Literal["last", "best"]


# ---------------------------------------------------------------------------------------------- schema of the file


class Side(Spec):
    """One side of a comparison: cells of an artefact. Side b inherits what it leaves out from side a."""

    artefact: str | None = Field(None, description="name of the table or figure in config.yaml")
    row: Labels | None = Field(
        None,
        description="label; last: that of the last layer; others: every row but side a's; * for any text. "
        "Several rows: a comparison for each (`best of`), for `fails more often` all together. As side b also a quoted "
        "system, whose published error is a fixed number",
    )
    column: Labels | None = Field(None, description="corpora; default, or all: every column both sides have")
    without: list[str] = Field(
        [], description="corpora that are left out, where the side has all columns and does not inherit them"
    )
    size: str | None = Field(None, description="kind sizes: label of a size; smallest, largest: of those at hand")
    selection: Selection | None = Field(
        None,
        description="evaluation that counts: last, the default, or best, by the error on the validation texts of a run "
        "that has some, else on the test set",
    )


class Compare(Spec):
    """One comparison: side a against side b."""

    a: Side = Field(description="the side that is said to be better")
    b: Side | None = Field(None, description="the side it is compared with; not for `fails`")
    than: Side | None = Field(
        None, description="larger gain: both sides with these changes, where the gain is said to be smaller"
    )


class Claim(Spec):
    """A sentence, and the comparisons that must support it.

    The gain of a over b is b's test error minus a's.

    * ``better``: a has the lower error.
    * ``equal``: the gain is within the margin, either way.
    * ``not better``: the gain is less than the margin.
    * ``larger gain``: the gain is larger than that of ``than``.
    * ``fails``: a's error is at least 80 % of that of always predicting the most frequent class.
    * ``fails more often``: of the runs of a's cells a larger share fails than of those of b's.

    Means over columns are in points of test error, like the margins. Corpora with many errors weigh more in them than
    in the paper's *Avg. delta*, which is relative to BERT-Feat.
    """

    sentence: str = Field(description="what is claimed")
    source: str = Field(description="section and table, or who says so")
    kind: Kind = Field("better", description="what is tested, as above")
    compare: list[Compare] = Field(min_length=1, description="comparisons; the claim holds if all of them support it")
    over: Literal["each", "mean"] = Field(
        "each", description="several columns: must hold on each, or for the mean of their gains"
    )
    margin: Points | None = Field(None, description="smallest gain that matters, in points of test error")
    margins: dict[str, Points] = Field({}, description="study -> its margin, before `margin`")
    measure: Measure = Field(
        "test_error",
        description="error that is compared; training_error: that of the training batches since the evaluation before "
        "the last one, with dropout, of which seeds alone are random",
    )
    contradicts: ClaimName | None = Field(None, description="another claim of the paper that says the opposite")
    undecidable: dict[str, str] = Field(
        {}, description="study -> why it cannot decide the claim, which is then not available and needs no runs"
    )

    @property
    def artefacts(self) -> set[str]:
        """The artefacts that its comparisons name."""
        sides = [side for compare in self.compare for side in (compare.a, compare.b, compare.than) if side]
        return {side.artefact for side in sides if side.artefact}

    @model_validator(mode="after")
    def _whole(self) -> Claim:
        for compare in self.compare:
            if compare.a.artefact is None or compare.a.row is None:
                raise ValueError("side a needs an artefact and a row")
            if (compare.b is None) != (self.kind == "fails"):
                raise ValueError(f"a claim of kind {self.kind} {'needs no' if compare.b else 'needs a'} side b")
            if (compare.than is None) == (self.kind == "larger gain"):
                raise ValueError("`than` belongs to kind larger gain")
            sides = [side for side in (compare.a, compare.b, compare.than) if side]
            for side in sides:
                if side.without and side.column not in ((None, "all") if side is compare.a else ("all",)):
                    raise ValueError("`without` belongs to side a without `column`, or to a side with `column: all`")
            if self.measure == "training_error" and any(side.selection for side in sides):
                raise ValueError("`selection` chooses among test errors, not with measure training_error")
        if self.measure == "training_error" and self.kind == "fails more often":
            raise ValueError("kind fails more often is about test errors, not with measure training_error")
        return self


class Claims(Spec):
    """The file: default margins, and the claims in the order of the paper."""

    margin: Points = Field(description="smallest gain that matters, in points of test error")
    margins: dict[str, Points] = Field({}, description="study -> its margin")
    claims: dict[ClaimName, Claim] = Field(description="claims by name, in the order of the paper")

    def margin_of(self, claim: Claim, study: str) -> float:
        """Margin in points: the claim's for ``study``, else the claim's, the file's for ``study``, the file's."""
        name = declared_name(study)
        for margin in (claim.margins.get(name), claim.margin, self.margins.get(name)):
            if margin is not None:
                return margin
        return self.margin


def declared_name(study: str) -> str:
    """Name of a study in ``studies/``: samples of it (``miniature.sample100``) have its margins and reasons."""
    return study.split(".")[0]


@dataclass(frozen=True)
class Declared:
    """The claims, and their document, which locates them in the file."""

    claims: Claims
    document: Document


def load(path: str | Path) -> Declared:
    """Read ``paper/claims.yaml``.

    Raises `UserError` with file and line where it violates the schema, or a claim contradicts one that is not there.
    """
    document = yaml_loader.load(path)
    claims = validate(Claims, document, ())
    for name, claim in claims.claims.items():
        other = claim.contradicts
        if other is not None and (other == name or other not in claims.claims):
            names = [known for known in claims.claims if known != name]
            place = document.where(("claims", name, "contradicts"))
            raise UserError(f"{place}: no other claim {other!r}{nearest(other, names)}")
    return Declared(claims, document)


# ---------------------------------------------------------------------------------------------- claims on runs


PublishedKey = tuple[str, str, str]
"""artefact, row and column of a value in published.csv"""


class Runs(Spec):
    """Seeds of one (corpus, encoder, recipe), and the weight of their error in a contrast."""

    weight: Literal[-2, -1, 1, 2]
    corpus: str
    encoder: str
    recipe: str
    seeds: list[Seed]
    constant: bool = Field(False, description="deterministic: its one prediction is paired with every seed")
    reading: Literal["last", "best", "training"] = Field("last", description="as `predictions.Reading`")
    paper: PublishedKey | None = Field(None, description="key of its value in published.csv")


class Contrast(Spec):
    """One comparison: for each column the runs whose weighted errors add up to the effect; columns weigh the same.

    The effect is the gain of a over b, for `larger gain` a difference of gains, for `fails` the error above 80 % of
    chance. For `fails more often` a column is one cell of side a (weight 1) or of side b (-1). Without ``columns`` it
    is unavailable, for ``reason``. ``missing`` counts corpora without runs that its mean leaves out, but not those to
    which it does not apply, such as layers that the encoder lacks. Where side b is a quoted system, ``columns`` have
    the runs of side a only, and ``quoted`` has for each the key of the published error.
    """

    kind: Kind
    a: str
    b: str = ""
    margin: float
    columns: list[list[Runs]] = []
    quoted: list[PublishedKey] = []
    missing: int = 0
    reason: str = ""

    @property
    def corpora(self) -> list[str]:
        """Corpora with runs."""
        return list(dict.fromkeys(runs.corpus for column in self.columns for runs in column))


class Question(Spec):
    """A claim on the runs of one study.

    ``left_out``: corpora that are not available, where the claim has to hold on each; it is decided on the others.
    ``encoder``: title of the base encoder, of a claim that is judged for one of the study's ``others``.
    """

    id: str
    encoder: str = ""
    sentence: str
    source: str
    contrasts: list[Contrast]
    left_out: list[str] = []
    notes: list[str] = []

    @property
    def coverage(self) -> str:
        """ "on 1 of 2 corpora" if some are left out, else empty."""
        at_hand = {corpus for contrast in self.contrasts for corpus in contrast.corpora}
        return f"on {len(at_hand)} of {len(at_hand) + len(self.left_out)} corpora" if at_hand and self.left_out else ""

    @property
    def runs(self) -> list[Runs]:
        """The runs of all contrasts."""
        return [runs for contrast in self.contrasts for column in contrast.columns for runs in column]


class ClaimSpec(Spec):
    """The values that rule judge_claims depends on (see `job_specs`).

    ``runs``: the run group of each input file of predictions, in their order; ``expected``: claim -> `Mark`,
    None unless all corpora are synthetic; ``published``: digest of the published values.
    """

    study: str
    questions: list[Question]
    runs: list[RunGroup]
    expected: dict[str, Mark] | None
    published: str = ""
