"""Records of claims and comparisons with a few numbers, for the pages that show them."""

from bertfit.claims.claim_record import ClaimRecord, ComparisonRecord, Estimate
from bertfit.claims.claim_schema import NOT_CHOSEN


def record_of(verdict, comparisons=(), kind="better", **given):
    """A record of a claim with the numbers of its first comparison."""
    estimate = comparisons[0].estimate if comparisons else None
    values = {"sentence": "A | B.", "source": "here", "wording": verdict, "because": "", "decided_by": None}
    values |= {"id": "claim", "p": None, "expected": None, "as_expected": None, "notes": []}
    return ClaimRecord.model_construct(
        kind=kind, verdict=verdict, estimate=estimate, comparisons=list(comparisons),
        **values | given,
    )  # fmt: skip


def comparison_of(**given):
    numbers = {"published": None, "resampled": None, "detectable": 1.234, "p": 0.5, "support": 0.25, "against": 0.0004}
    estimate = Estimate(effect=1.5, low=-0.25, high=3.25, seeds=3, examples=400)
    values = {"a": "x", "b": "y", "columns": ["imdb", "ag"], "margin": 0.5, "reason": "", "by_corpus": {}}
    return ComparisonRecord.model_construct(**values | numbers | {"estimate": estimate} | given)


def uncompared(reason):
    """A comparison that could not be made."""
    numbers = dict.fromkeys(("estimate", "resampled", "detectable", "p", "support", "against"))
    return comparison_of(**numbers, columns=[], reason=reason)


def left_out(**given):
    """A claim about tables that --config artefacts leaves out."""
    return record_of("not available", [uncompared(NOT_CHOSEN)], **given)
