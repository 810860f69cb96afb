"""``claims.md``: the verdicts as readers see them, first the sentences and their verdicts, then every comparison."""

from __future__ import annotations

from collections.abc import Sequence
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
EXPECTED = {True: "found", False: "contradicted", None: "undecided"}
RESAMPLED = (
    "Resampled: 95 % of the Multi-Bootstrap, which draws seeds and examples again; a check on the interval that is in "
    "use, and too narrow for few seeds."
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
        "a verdict is one on the models that were trained, not on the ways to train them.",
        "",
        *([f"These corpora are synthetic: {expected}.", ""] if (expected := tally(records)) else []),
        *_overview(records),
        "",
    ]
    for record in records:
        lines += _claim(record)
    return "\n".join(lines).rstrip() + "\n"


def _overview(records: Sequence[Record]) -> list[str]:
    expected = any(record["expected"] is not None for record in records)
    head = ["verdict", "claim", "source", "effect", "95 % interval", "p", "seeds", *(["expected"] if expected else [])]
    rows = [
        [
            f"**{escape_markdown(record['wording'])}**",
            escape_markdown(record["sentence"]),
            escape_markdown(record["source"]),
            *_shown(record, record["kind"]),
            probability(record["p"]),
            _text(record["seeds"]),
            *([_expected(record)] if expected else []),
        ]
        for record in sorted(records, key=lambda record: ORDER.index(record["verdict"]))
    ]
    return table(head, rows, "lllrrrrl")


def _claim(record: Record) -> list[str]:
    lines = [
        f"## {record['id']}",
        "",
        f"{escape_markdown(record['sentence'])} ({escape_markdown(record['source'])})",
        "",
    ]
    which = "weakest" if record["verdict"] in (HOLDS, INCONCLUSIVE) else "decided by"
    shown = f"; {which}: {escape_markdown(record['decided_by'])}" if record["decided_by"] else ""
    lines += [f"**{escape_markdown(record['wording'])}**{shown}", ""]
    lines += [f"- {escape_markdown(note)}" for note in record["notes"]] + ([""] if record["notes"] else [])
    made = [one for one in record["comparisons"] if one["effect"] is not None]
    if not made:
        return lines
    resampled, published = (any(one[field] is not None for one in made) for field in ("resampled", "published"))
    head = ["a", "b", "corpora", EFFECT[record["kind"]], "95 % interval", *(["resampled"] if resampled else [])]
    head += [*(["published"] if published else []), "p for", "p against", "detectable", "margin"]
    rows = [
        [
            escape_markdown(one["a"]),
            escape_markdown(one["b"]),
            escape_markdown(", ".join(one["columns"])),
            *_shown(one, record["kind"]),
            *([_interval(*one["resampled"]) if one["resampled"] else ""] if resampled else []),
            *(["" if one["published"] is None else f"{one['published']:+.2f}"] if published else []),
            probability(one["support"]),
            probability(one["against"]),
            f"{one['detectable']:.2f}",
            "" if record["kind"] in ("fails", "wider spread") else f"{one['margin']:g}",
        ]
        for one in made
    ]
    return [*lines, *table(head, rows, "lllr"), "", *([RESAMPLED, ""] if resampled else [])]


def _expected(record: Record) -> str:
    if record["expected"] not in ("effect", "null"):
        return str(record["expected"])
    word = EXPECTED[record["as_expected"]]
    return f"{record['expected']}, " + (f"**{word}**" if record["as_expected"] is False else word)


def _shown(numbers: Record, kind: str) -> list[str]:
    if numbers["effect"] is None:
        return ["", ""]
    unit = " probits" if kind == "wider spread" else ""
    return [f"{numbers['effect']:+.2f}{unit}", _interval(numbers["low"], numbers["high"])]


def _interval(low: float, high: float) -> str:
    return f"{low:+.2f} to {high:+.2f}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
