"""Expected verdicts on the synthetic corpora, by construction.

The marks were fixed anew on 2026-11-27, all at once and before the training that they are compared with: the claims of
`paper/claims.yaml` had changed, and the first marks were no predictions throughout. They came with a commit that chose
the base encoder by trial, and two became unknown after the first whole run. From now on a mark changes only with the
texts or its claim. `synthetic` says how each effect is built into the texts. Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bertfit.claims.claim_record import ClaimRecord
from bertfit.claims.claim_schema import ABSENCE, ABSENT, FAILS, HOLDS, Kind, Mark, Verdict
from bertfit.core.errors import UserError, nearest

EXPECTED: dict[str, tuple[Mark, str]] = {
    "head-tail-best": ("effect", "head and tail have the evidence; a share of the texts lacks one of the two"),
    "truncation-beats-hierarchy": ("effect", "the middle of the long texts argues for another class"),
    "hierarchy-mean-worst": ("unknown", "the texts do not say how to pool"),
    "fractions-unstable": ("unknown", "a matter of training, not of the texts"),
    "last-layer-best": ("unknown", "a matter of the encoder"),
    "last-four-equal": ("unknown", "a matter of the encoder; too few texts to decide it"),
    "low-rate-best": ("unknown", "nothing is built in for rates; the study's base rate was chosen to train well"),
    # Twenty times the base rate would fail anywhere, but the base rate was chosen with regard to where training begins
    # to fail, so a failure would be no prediction.
    "high-rate-fails": ("unknown", "nothing is built in for rates; the study's base rate was chosen by training"),
    "decay-helps": ("unknown", "nothing is built in for layer-wise rates"),
    "higher-rate-stronger-decay": ("unknown", "nothing is built in for layer-wise rates"),
    "decay-against-forgetting": ("unknown", "nothing is built in for layer-wise rates"),
    "within-task-helps": ("effect", "the text of a task shows what its jargon means, and few labels do"),
    "small-corpus-harms": ("null", "the questions are decided by their question word; their jargon is random"),
    "yahoo-text-helps-trec": ("null", "the jargon that Yahoo's text explains does not decide the questions of TREC"),
    "steps-100k-best": ("unknown", "how many steps are best is not built in"),
    "almost-all-text-helps": ("unknown", "text of another domain explains other jargon, and TREC's text none"),
    "in-domain-helps": ("effect", "corpora of a domain share their jargon"),
    "in-domain-beats-within-task": ("unknown", "more text of the same jargon, but fewer passes over that of the task"),
    "in-domain-beats-cross-domain": ("unknown", "all text holds the jargon, diluted"),
    "cross-domain-no-gain": ("unknown", "all text holds the jargon, diluted"),
    "imdb-and-yelp-no-help": ("effect", "both are of the domain sentiment, whose corpora share their jargon"),
    "three-pre-trainings-help": ("unknown", "two of them do by construction; all text holds the jargon diluted"),
    "features-worst": ("unknown", "a matter of the encoder"),
    "fine-tuning-beats-features": ("unknown", "a matter of the encoder"),
    "beats-word-counts": ("unknown", "word counts read all of a long text; the encoder knows topics"),
    "multi-task-helps": ("unknown", "nothing is built in for it"),
    "multi-task-less-than-pre-training": ("unknown", "nothing is built in for multi-task fine-tuning"),
    "multi-task-no-gain-after-all-text": ("unknown", "nothing is built in for it; too few texts to decide it"),
    "cross-domain-multi-task-best": ("unknown", "nothing is built in for it"),
    "few-shot-gain": ("effect", "the fewer labels, the more jargon is unseen in them"),
    "few-shot-most": ("unknown", "the fewer labels, the more jargon is unseen in them, but the less is learnt at all"),
    "small-with-text-beats-ulmfit": ("unknown", "published errors are of other texts"),
    "large-best": ("unknown", "nothing is built in for size"),
    "validation-similar": ("unknown", "a tenth of few labels may or may not be missed; too few texts to decide it"),
}
"""claim -> expected mark, and why"""


def check(names: Iterable[str], claims: Sequence[str]) -> None:
    """Raise `UserError` for a name of an expected claim that is not one of the ``claims``."""
    for name in names:
        if name not in claims:
            raise UserError(f"expected names the claim {name!r}, which paper/claims.yaml lacks{nearest(name, claims)}")


def as_expected(mark: Mark | None, kind: Kind, verdict: Verdict, differs: bool, excluded: bool) -> bool | None:
    """Whether the verdict is the expected one; None without an expectation or a decision.

    An expected effect is found where the claim holds and contradicted where it does not hold; for claims of no effect
    it is the reverse. An expected null is found where a difference of the margin is ``excluded`` in both directions,
    and contradicted where anything ``differs``, in either direction and by any amount.
    """
    if mark == "effect":
        confirming, contradicting = (FAILS, HOLDS) if kind in ABSENCE else (HOLDS, FAILS)
        return {confirming: True, contradicting: False}.get(verdict)
    if mark == "null" and (differs or excluded):
        return not differs
    return None


def outcome(record: ClaimRecord) -> str:
    """What became of an expectation: found, contradicted, undecided, or not run."""
    if record.verdict == ABSENT:
        return "not run"
    return {True: "found", False: "contradicted", None: "undecided"}[record.as_expected]


def tally(records: Sequence[ClaimRecord]) -> str:
    """Counts of what became of the expectations, those not run only if there are any; empty without any."""
    parts = []
    for mark in ("effect", "null"):
        outcomes = [outcome(record) for record in records if record.expected == mark]
        if outcomes:
            words = ["found", "undecided", "contradicted", *(["not run"] if "not run" in outcomes else [])]
            counts = ", ".join(f"{word} {outcomes.count(word)}" for word in words)
            parts.append(f"of {len(outcomes)} expected {mark}{'s' if len(outcomes) > 1 else ''} {counts}")
    return "; ".join(parts)
