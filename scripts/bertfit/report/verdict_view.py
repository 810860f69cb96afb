"""The verdicts of ``claims.json`` as the report shows them, each with links to the runs that decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import copysign, sqrt

from bertfit.claims import by_encoder as encoders
from bertfit.claims.by_encoder import VerdictsByEncoder
from bertfit.claims.claim_record import ClaimRecord, ComparisonRecord, Estimate
from bertfit.claims.claim_schema import INCONCLUSIVE, ORDER
from bertfit.claims.claims_markdown import EFFECT, needed
from bertfit.claims.expected import outcome
from bertfit.core.formatting import probability, signed
from bertfit.statistics.significance import LEVEL

TONES = dict(zip(ORDER, ("yes", "no", "open", "none"), strict=True))
"""verdict -> class of its colour"""


@dataclass(frozen=True)
class ComparisonView:
    """A comparison in words; ``runs``: addresses of the runs behind it."""

    a: str
    b: str
    columns: list[str]
    effect: str
    """empty where it could not be made"""
    interval: str
    published: str
    support: str
    against: str
    detectable: str
    needed: str
    """what would have decided it"""
    margin: str
    runs: Sequence[str]


@dataclass(frozen=True)
class ClaimView:
    """A claim in words."""

    id: str
    sentence: str
    source: str
    wording: str
    needed: str
    """what would decide an inconclusive claim; empty for others"""
    tone: str
    not_chosen: bool
    """left out by --config artefacts"""
    notes: list[str]
    effect: str
    """of the comparison that decides it; empty where none could be made"""
    interval: str
    unit: str
    p: str
    seeds: int | None
    examples: int | None
    bar: list[float] | None
    """low end, effect and high end as positions, 0 to 100"""
    role: str
    """of the deciding comparison"""
    decided_by: str | None
    effect_is: str
    """what the effect of a comparison is"""
    expected: str | None
    as_expected: str
    why: str
    comparisons: list[ComparisonView]


def verdicts(
    records: Sequence[ClaimRecord], behind: Mapping[str, Sequence[Sequence[str]]], expected: Mapping[str, str]
) -> list[ClaimView]:
    """Claims in the order of their verdicts, each verdict's in that of the paper.

    ``behind``: claim -> for each of its comparisons the addresses of the runs; ``expected``: claim -> why something is
    expected of it on synthetic corpora.
    """
    scale = span(records)
    ordered = sorted(records, key=lambda record: ORDER.index(record.verdict))
    return [_claim(record, behind.get(record.id, []), expected.get(record.id, ""), scale) for record in ordered]


def by_encoder(records: Sequence[ClaimRecord]) -> VerdictsByEncoder | None:
    """The claims that are judged for other encoders, too, without those that a choice of artefacts leaves out."""
    return encoders.of([record for record in records if not record.not_chosen])


def counts(records: Sequence[ClaimRecord]) -> list[tuple[str, str, int]]:
    """Verdict, its tone and how many claims have it, without those that a choice of artefacts leaves out."""
    judged = [record.verdict for record in records if not record.not_chosen]
    return [(verdict, tone, judged.count(verdict)) for verdict, tone in TONES.items()]


def span(records: Sequence[ClaimRecord]) -> float:
    """Points of test error at the edges of the interval bars."""
    estimates = [record.estimate for record in records if record.estimate and _has_bar(record)]
    bounds = [abs(bound) for estimate in estimates for bound in (estimate.low, estimate.high)]
    return max(bounds, default=1.0) or 1.0


def position(value: float, scale: float) -> float:
    """Where an effect stands in a bar, 0 to 100: by its square root, so that small ones can be told apart."""
    share = min(1.0, abs(value) / scale)
    return round(50 + copysign(50 * sqrt(share), value), 2)


def _has_bar(record: ClaimRecord) -> bool:
    """Whether its effect is in points of test error, and not in percent of runs."""
    return record.estimate is not None and record.kind != "fails more often"


def _claim(record: ClaimRecord, behind: Sequence[Sequence[str]], why: str, scale: float) -> ClaimView:
    estimate = record.estimate
    runs = [*behind, *[[]] * (len(record.comparisons) - len(behind))]
    bar = None
    if estimate and _has_bar(record):
        bar = [position(value, scale) for value in (estimate.low, estimate.effect, estimate.high)]
    return ClaimView(
        id=record.id,
        sentence=record.sentence,
        source=record.source,
        wording=record.wording,
        needed=_needed(record),
        tone=TONES[record.verdict],
        not_chosen=record.not_chosen,
        notes=record.notes,
        effect=signed(estimate.effect) if estimate else "",
        interval=_interval(estimate),
        unit="" if bar else " % of runs",
        p=probability(record.p),
        seeds=estimate.seeds if estimate else None,
        examples=estimate.examples if estimate else None,
        bar=bar,
        role="weakest comparison" if TONES[record.verdict] in ("yes", "open") else "decided by",
        decided_by=record.decided_by,
        effect_is=EFFECT[record.kind],
        expected=record.expected,
        as_expected=outcome(record),
        why=why,
        comparisons=[
            _comparison(comparison, addresses) for comparison, addresses in zip(record.comparisons, runs, strict=True)
        ],
    )


def _needed(record: ClaimRecord) -> str:
    """What would decide all open comparisons of an inconclusive claim; empty where it is not known, or nothing would.

    A number that would decide only some of them is left out.
    """
    still_open = [one for one in record.comparisons if one.support is not None and one.support >= LEVEL]
    if record.verdict != INCONCLUSIVE or not still_open:
        return ""
    parts = []
    for numbers, unit in (
        ([one.needed_seeds for one in still_open], "seeds"),
        ([one.needed_examples for one in still_open], "test texts"),
    ):
        known = [number for number in numbers if number is not None]
        parts += [f"{max(known):,} {unit}"] if len(known) == len(numbers) else []
    if not parts:
        return ""
    which = f"{', or '.join(parts)}," if len(parts) > 1 else parts[0]
    return f"open: {which} would decide it, were the effect as seen"


def _comparison(record: ComparisonRecord, runs: Sequence[str]) -> ComparisonView:
    return ComparisonView(
        a=record.a,
        b=record.b,
        columns=record.columns,
        effect=signed(record.estimate.effect) if record.estimate else "",
        interval=_interval(record.estimate),
        published="" if record.published is None else signed(record.published),
        support=probability(record.support),
        against=probability(record.against),
        detectable="" if record.detectable is None else f"{record.detectable:.2f}",
        needed=needed(record),
        margin=f"{record.margin:g}",
        runs=runs,
    )


def _interval(estimate: Estimate | None) -> str:
    return f"{signed(estimate.low)} to {signed(estimate.high)}" if estimate else ""
