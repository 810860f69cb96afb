"""``claims.md``: a table of the claims and their verdicts, then every comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bertfit.claims import by_encoder
from bertfit.claims.by_encoder import VerdictsByEncoder
from bertfit.claims.claim_record import ClaimRecord, ComparisonRecord, Estimate
from bertfit.claims.claim_schema import ABSENT, HOLDS, INCONCLUSIVE, ORDER, Kind
from bertfit.claims.expected import outcome, tally
from bertfit.core.formatting import escape_markdown, probability, table

EFFECT: dict[Kind, str] = {
    "better": "gain of a over b",
    "equal": "gain of a over b",
    "not better": "gain of a over b",
    "larger gain": "first gain less the second",
    "fails": "error above 80 % of chance",
    "fails more often": "share of failed runs of a, less that of b",
}
NOT_JUDGED = "Not judged: {} about tables and figures that were not chosen (--config artefacts)."
WITHOUT_MARGIN = ("fails", "fails more often")
RESAMPLED = (
    "Resampled: 95 % interval of the Multi-Bootstrap, which resamples seeds and examples; a check of the interval, and "
    "too narrow for few seeds."
)


def markdown(records: Sequence[ClaimRecord], study: str) -> str:
    """The page. Claims that a choice of artefacts leaves out are counted in one line."""
    not_chosen = sum(record.not_chosen for record in by_encoder.of_base(records))
    records = [record for record in records if not record.not_chosen]
    encoders = by_encoder.of(records)
    others = [record for record in records if record.encoder and record.verdict != ABSENT]
    records = by_encoder.of_base(records)
    counts = {verdict: sum(record.verdict == verdict for record in records) for verdict in ORDER}
    counted = ", ".join(f"{verdict}: {count}" for verdict, count in counts.items() if count)
    lines = [
        f"# Claims: {study}",
        "",
        *([f"{counted}.", ""] if records else []),
        *([NOT_JUDGED.format(f"{not_chosen} claim{'s' if not_chosen > 1 else ''}"), ""] if not_chosen else []),
        "Effects are in points of test error, positive as claimed; seeds and test examples are treated as random "
        "effects, test examples of one group or near-duplicates as one, comparisons are paired on both, p is corrected "
        "for the comparisons of a claim (Holm). With one seed a verdict concerns the trained models, not the "
        "strategies.",
        "",
        *([f"These corpora are synthetic: {expected}.", ""] if (expected := tally(records)) else []),
        *([*_overview(records), ""] if records else []),
    ]
    for record in records:
        lines += _claim(record)
    if encoders:
        lines += ["", "## Other encoders", "", *_by_encoder(encoders), ""]
        for record in others:
            lines += _claim(record)
    return "\n".join(lines).rstrip() + "\n"


R = TypeVar("R", ClaimRecord, ComparisonRecord)


@dataclass(frozen=True)
class _Column(Generic[R]):
    """A column of a table: its heading, and the text of a record in it."""

    heading: str
    text: Callable[[R], str]
    shown: bool = True


def _table(columns: Sequence[_Column[R]], records: Sequence[R], alignment: str) -> list[str]:
    """Lines of a Markdown table of the columns that are ``shown``; further columns are aligned as the last one."""
    shown = [column for column in columns if column.shown]
    rows = [[column.text(record) for column in shown] for record in records]
    return table([column.heading for column in shown], rows, alignment)


def _overview(records: Sequence[ClaimRecord]) -> list[str]:
    columns: tuple[_Column[ClaimRecord], ...] = (
        _Column("verdict", lambda claim: f"**{escape_markdown(claim.wording)}**"),
        _Column("claim", lambda claim: escape_markdown(claim.sentence)),
        _Column("source", lambda claim: escape_markdown(claim.source)),
        _Column("effect", lambda claim: _effect(claim.estimate, claim.kind)),
        _Column("95 % interval", lambda claim: _interval(claim.estimate)),
        _Column("p", lambda claim: probability(claim.p)),
        _Column("seeds", lambda claim: str(claim.estimate.seeds) if claim.estimate else ""),
        _Column("expected", _expected, any(record.expected is not None for record in records)),
    )
    return _table(columns, sorted(records, key=lambda record: ORDER.index(record.verdict)), "lllrrrrl")


def _by_encoder(found: VerdictsByEncoder) -> list[str]:
    """Claims in rows, encoders in columns: the verdict, the effect and its interval."""
    rows = [[f"**{row.claim}**: {escape_markdown(row.sentence)}", *map(_verdict, row.records)] for row in found.rows]
    return table(["claim", "base encoder", *map(escape_markdown, found.encoders)], rows, "l")


def _verdict(record: ClaimRecord | None) -> str:
    if record is None:
        return ""
    numbers = f": {_effect(record.estimate, record.kind)} ({_interval(record.estimate)})" if record.estimate else ""
    return escape_markdown(record.wording) + numbers


def _claim(record: ClaimRecord) -> list[str]:
    lines = [
        f"## {record.id}",
        "",
        f"{escape_markdown(record.sentence)} ({escape_markdown(record.source)})",
        "",
    ]
    role = "weakest" if record.verdict in (HOLDS, INCONCLUSIVE) else "decided by"
    deciding = f"; {role}: {escape_markdown(record.decided_by)}" if record.decided_by else ""
    lines += [f"**{escape_markdown(record.wording)}**{deciding}", ""]
    lines += [f"- {escape_markdown(note)}" for note in record.notes] + ([""] if record.notes else [])
    measured = [comparison for comparison in record.comparisons if comparison.estimate]
    return [*lines, *_comparisons(measured, record.kind)] if measured else lines


def _comparisons(comparisons: Sequence[ComparisonRecord], kind: Kind) -> list[str]:
    resampled = any(comparison.resampled for comparison in comparisons)
    published = any(comparison.published is not None for comparison in comparisons)
    columns: tuple[_Column[ComparisonRecord], ...] = (
        _Column("a", lambda comparison: escape_markdown(comparison.a)),
        _Column("b", lambda comparison: escape_markdown(comparison.b)),
        _Column("corpora", lambda comparison: escape_markdown(", ".join(comparison.columns))),
        _Column(EFFECT[kind], lambda comparison: _effect(comparison.estimate, kind)),
        _Column("95 % interval", lambda comparison: _interval(comparison.estimate)),
        _Column("resampled", _resampled, resampled),
        _Column("published", lambda comparison: _signed(comparison.published), published),
        _Column("p for", lambda comparison: probability(comparison.support)),
        _Column("p against", lambda comparison: probability(comparison.against)),
        _Column("detectable", lambda comparison: f"{comparison.detectable:.2f}"),
        _Column("needed", needed, any(needed(comparison) for comparison in comparisons)),
        _Column("margin", lambda comparison: "" if kind in WITHOUT_MARGIN else f"{comparison.margin:g}"),
    )
    return [*_table(columns, comparisons, "lllr"), "", *([RESAMPLED, ""] if resampled else [])]


def needed(comparison: ComparisonRecord) -> str:
    """What would decide an inconclusive comparison with a power of 80 %; empty where nothing would, or for others."""
    seeds, examples = comparison.needed_seeds, comparison.needed_examples
    parts = [f"{seeds} seeds" if seeds else "", f"{examples:,} test texts" if examples else ""]
    return " or ".join(part for part in parts if part)


def _expected(record: ClaimRecord) -> str:
    if record.expected not in ("effect", "null"):
        return str(record.expected)
    word = outcome(record)
    return f"{record.expected}, " + (f"**{word}**" if record.as_expected is False else word)


def _effect(estimate: Estimate | None, kind: Kind) -> str:
    return f"{_signed(estimate.effect)}{' % of runs' if kind == 'fails more often' else ''}" if estimate else ""


def _interval(estimate: Estimate | None) -> str:
    return f"{_signed(estimate.low)} to {_signed(estimate.high)}" if estimate else ""


def _resampled(comparison: ComparisonRecord) -> str:
    return " to ".join(_signed(bound) for bound in comparison.resampled or ())


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"
