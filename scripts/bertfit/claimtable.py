"""``claims.md``: the verdicts as readers see them, first the sentences and their verdicts, then every comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]
ORDER = ("holds", "does not hold", "not decidable at this size", "not available")
EFFECT = {
    "better": "gain of a over b",
    "equal": "gain of a over b",
    "not better": "gain of a over b",
    "larger gain": "first gain less the second",
    "fails": "error above half of chance",
    "wider spread": "mean distance from the median of a cell, a less b",
}


def markdown(records: Sequence[Record], study: str) -> str:
    """The page. ``records`` are those of ``claims.json``."""
    counts = {verdict: sum(record["verdict"] == verdict for record in records) for verdict in ORDER}
    lines = [
        f"# Claims: {study}",
        "",
        ", ".join(f"{verdict}: {count}" for verdict, count in counts.items() if count) + ".",
        "",
        "Effects are in points of test error, positive as claimed; seeds and test examples are both taken as drawn at "
        "random, comparisons are paired on both, p is corrected for the comparisons of a claim (Holm).",
        "",
        *_overview(records),
        "",
    ]
    for record in records:
        lines += _claim(record)
    return "\n".join(lines).rstrip() + "\n"


def _overview(records: Sequence[Record]) -> list[str]:
    planted = any(record["planted"] is not None for record in records)
    head = ["verdict", "claim", "source", "effect", "95 % interval", "p", "seeds", *(["planted"] if planted else [])]
    rows = [
        [
            f"**{_verdict(record)}**",
            _plain(record["sentence"]),
            _plain(record["source"]),
            *_shown(record),
            _p(record["p"]),
            _text(record["seeds"]),
            *([_planted(record)] if planted else []),
        ]
        for record in sorted(records, key=lambda record: ORDER.index(record["verdict"]))
    ]
    return _table(head, rows, "lllrrrrl")


def _claim(record: Record) -> list[str]:
    lines = [f"## {record['id']}", "", f"{_plain(record['sentence'])} ({_plain(record['source'])})", ""]
    which = "weakest" if record["verdict"] in ("holds", "not decidable at this size") else "decided by"
    shown = f"; {which}: {_plain(record['decided_by'])}" if record["decided_by"] else ""
    lines += [f"**{_verdict(record)}**{shown}", ""]
    lines += [f"- {_plain(note)}" for note in record["notes"]] + ([""] if record["notes"] else [])
    made = [one for one in record["comparisons"] if one["effect"] is not None]
    if not made:
        return lines
    head = ["a", "b", "corpora", EFFECT[record["kind"]], "95 % interval", "p for", "p against", "detectable", "margin"]
    rows = [
        [
            _plain(one["a"]),
            _plain(one["b"]),
            _plain(", ".join(one["columns"])),
            *_shown(one),
            _p(one["support"]),
            _p(one["against"]),
            f"{one['detectable']:.2f}",
            "" if record["kind"] in ("fails", "wider spread") else f"{one['margin']:g}",
        ]
        for one in made
    ]
    return [*lines, *_table(head, rows, "lllrrrrrr"), ""]


def _verdict(record: Record) -> str:
    """The verdict, what p speaks of there, and the stages whose seeds were not varied."""
    given = [note for note in record["notes"] if note.startswith("given one")]
    because = [f"({record['because']})"] if record["because"] else []
    return ", ".join([" ".join([record["verdict"], *because]), *given])


def _planted(record: Record) -> str:
    word = {True: ", as found", False: ", **not as found**", None: ""}[record["as_planted"]]
    return f"{record['planted']}{word}"


def _shown(numbers: Record) -> list[str]:
    if numbers["effect"] is None:
        return ["", ""]
    return [f"{numbers['effect']:+.2f}", f"{numbers['low']:+.2f} to {numbers['high']:+.2f}"]


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _plain(text: str) -> str:
    for character in "\\|*_<`":
        text = text.replace(character, f"\\{character}")
    return text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    rule = ["---:" if side == "r" else "---" for side in align[: len(head)]]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
