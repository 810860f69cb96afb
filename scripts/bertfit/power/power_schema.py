"""What the power of claims is computed from, and what is found: the probability of each verdict.

Imports neither torch nor pandas.
"""

from __future__ import annotations

from bertfit.claims.claim_schema import Kind, Question
from bertfit.config.corpus_schema import Spec
from bertfit.experiments.summary_specs import PlanSpec


class PowerSpec(Spec):
    """The claims of a study and its sizes; without ``questions`` nothing is computed.

    ``test_texts``: of each corpus; ``training_examples``: of each run group, ``corpus/encoder/recipe``.
    """

    study: str
    root: str
    questions: list[Question]
    test_texts: dict[str, int]
    training_examples: dict[str, int]


class PlanWithClaims(PlanSpec):
    """Rule plan: the jobs, and the claims that they decide. ``paper``: digest of the published values and spreads."""

    claims: PowerSpec
    paper: str = ""


class Chances(Spec):
    """Probabilities of two verdicts; that a claim stays open is the rest."""

    holds: float
    refuted: float
    """that the claim does not hold"""

    @property
    def open(self) -> float:
        """Probability that the claim stays inconclusive."""
        return 1 - self.holds - self.refuted


class ClaimPower(Spec):
    """How likely the study decides a claim, see `claim_power`."""

    id: str
    kind: Kind
    margin: float
    seeds: int
    """fewest common seeds of two sides"""
    single_seed: list[str]
    """corpora with one seed: a verdict is about their trained models alone"""
    texts: int | None
    """of the smallest test set; None where one is not known"""
    paper: Chances | None
    """if the paper's errors were the true ones"""
    none: Chances | None
    """if all ways to train had the same error"""
    reason: str
    """why a number is missing"""
