"""``claims.md``: a table of the claims and their verdicts, then every comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bertfit.claims.claim_schema import HOLDS, INCONCLUSIVE, ORDER
from bertfit.claims.expected import tally
from bertfit.core.formatting import escape_markdown, probability, table

Record = dict[str, Any]
EFFECT = {
    "better": "gain of a over b",
    "equal": "gain of a over b",
    "not better": "gain of a over b",
    "larger gain": "first gain less the second",
    "fails": "error above 80 % of chance",
    "wider spread": "mean distance from the median of a cell, a less b, in probits of the error",
}
WITHOUT_MARGIN = ("fails", "wider spread")
EXPECTED = {True: "found", False: "contradicted", None: "undecided"}
RESAMPLED = (
    "Resampled: 95 % interval of the Multi-Bootstrap, which resamples seeds and examples; a check of the interval, and "
    "too narrow for few seeds."
)


def markdown(records: Sequence[Record], study: str) -> str:
    """The page. ``records`` are those of ``claims.json``."""
    counts = {verdict: sum(record["verdict"] == verdict for record in records) for verdict in ORDER}
    lines = [
        f"# Claims: {study}",
        "",
        ", ".join(f"{verdict}: {count}" for verdict, count in counts.items() if count) + ".",
        "",
        "Effects are in points of test error, positive as claimed; seeds and test examples are treated as random "
        "effects, comparisons are paired on both, p is corrected for the comparisons of a claim (Holm). With one seed "
        "a verdict concerns the trained models, not the strategies.",
        "",
        *([f"These corpora are synthetic: {expected}.", ""] if (expected := tally(records)) else []),
        *_overview(records),
        "",
    ]
    for record in records:
        lines += _claim(record)
    return "\n".join(lines).rstrip() + "\n"


@dataclass(frozen=True)
class _Column:
    """A column of a table: its heading, and the text of a record in it."""

    heading: str
    text: Callable[[Record], str]
    shown: bool = True


def _table(columns: Sequence[_Column], records: Sequence[Record], alignment: str) -> list[str]:
    """Lines of a Markdown table of the columns that are ``shown``; further columns are aligned as the last one."""
    shown = [column for column in columns if column.shown]
    rows = [[column.text(record) for column in shown] for record in records]
    return table([column.heading for column in shown], rows, alignment)


def _overview(records: Sequence[Record]) -> list[str]:
    columns = (
        _Column("verdict", lambda record: f"**{escape_markdown(record['wording'])}**"),
        _Column("claim", lambda record: escape_markdown(record["sentence"])),
        _Column("source", lambda record: escape_markdown(record["source"])),
        _Column("effect", lambda record: _effect(record, record["kind"])),
        _Column("95 % interval", lambda record: _interval(record["low"], record["high"])),
        _Column("p", lambda record: probability(record["p"])),
        _Column("seeds", lambda record: "" if record["seeds"] is None else str(record["seeds"])),
        _Column("expected", _expected, any(record["expected"] is not None for record in records)),
    )
    return _table(columns, sorted(records, key=lambda record: ORDER.index(record["verdict"])), "lllrrrrl")


def _claim(record: Record) -> list[str]:
    lines = [
        f"## {record['id']}",
        "",
        f"{escape_markdown(record['sentence'])} ({escape_markdown(record['source'])})",
        "",
    ]
    role = "weakest" if record["verdict"] in (HOLDS, INCONCLUSIVE) else "decided by"
    deciding = f"; {role}: {escape_markdown(record['decided_by'])}" if record["decided_by"] else ""
    lines += [f"**{escape_markdown(record['wording'])}**{deciding}", ""]
    lines += [f"- {escape_markdown(note)}" for note in record["notes"]] + ([""] if record["notes"] else [])
    made = [comparison for comparison in record["comparisons"] if comparison["effect"] is not None]
    return [*lines, *_comparisons(made, record["kind"])] if made else lines


def _comparisons(comparisons: Sequence[Record], kind: str) -> list[str]:
    resampled = any(comparison["resampled"] for comparison in comparisons)
    published = any(comparison["published"] is not None for comparison in comparisons)
    columns = (
        _Column("a", lambda comparison: escape_markdown(comparison["a"])),
        _Column("b", lambda comparison: escape_markdown(comparison["b"])),
        _Column("corpora", lambda comparison: escape_markdown(", ".join(comparison["columns"]))),
        _Column(EFFECT[kind], lambda comparison: _effect(comparison, kind)),
        _Column("95 % interval", lambda comparison: _interval(comparison["low"], comparison["high"])),
        _Column("resampled", lambda comparison: _interval(*comparison["resampled"] or (None, None)), resampled),
        _Column("published", lambda comparison: _signed(comparison["published"]), published),
        _Column("p for", lambda comparison: probability(comparison["support"])),
        _Column("p against", lambda comparison: probability(comparison["against"])),
        _Column("detectable", lambda comparison: f"{comparison['detectable']:.2f}"),
        _Column("margin", lambda comparison: "" if kind in WITHOUT_MARGIN else f"{comparison['margin']:g}"),
    )
    return [*_table(columns, comparisons, "lllr"), "", *([RESAMPLED, ""] if resampled else [])]


def _expected(record: Record) -> str:
    if record["expected"] not in ("effect", "null"):
        return str(record["expected"])
    word = EXPECTED[record["as_expected"]]
    return f"{record['expected']}, " + (f"**{word}**" if record["as_expected"] is False else word)


def _effect(record: Record, kind: str) -> str:
    return _signed(record["effect"]) + (" probits" if kind == "wider spread" and record["effect"] is not None else "")


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{_signed(low)} to {_signed(high)}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"
