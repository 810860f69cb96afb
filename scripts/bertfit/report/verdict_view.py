"""The verdicts of ``claims.json`` as the report shows them, each with links to the runs that decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import copysign, sqrt
from typing import Any

from bertfit.claims.claim_schema import ORDER
from bertfit.claims.claims_markdown import EFFECT, EXPECTED
from bertfit.core.formatting import probability, signed

Record = Mapping[str, Any]
TONES = dict(zip(ORDER, ("yes", "no", "open", "none"), strict=True))


def verdicts(
    records: Sequence[Record], behind: Mapping[str, Sequence[Sequence[str]]], expected: Mapping[str, str]
) -> Any:
    """Claims in the order of their verdicts, each verdict's in that of the paper.

    ``behind``: claim -> for each of its comparisons the addresses of the runs; ``expected``: claim -> what the world
    holds and why.
    """
    scale = span(records)
    ordered = sorted(records, key=lambda record: ORDER.index(record["verdict"]))
    return [_claim(record, behind.get(record["id"], []), expected.get(record["id"], ""), scale) for record in ordered]


def counts(records: Sequence[Record]) -> list[tuple[str, str, int]]:
    """Verdict, its tone and how many claims have it."""
    return [(verdict, tone, sum(one["verdict"] == verdict for one in records)) for verdict, tone in TONES.items()]


def span(records: Sequence[Record]) -> float:
    """Points of test error at the edges of the interval bars; a spread, which is in probits, has no bar."""
    points = [record for record in records if record["effect"] is not None and record["kind"] != "wider spread"]
    bounds = [abs(record[side]) for record in points for side in ("low", "high")]
    return max(bounds, default=1.0) or 1.0


def place(value: float, scale: float) -> float:
    """Where an effect stands in a bar, 0 to 100: by its square root, so that small ones can be told apart."""
    share = min(1.0, abs(value) / scale)
    return round(50 + copysign(50 * sqrt(share), value), 2)


def _claim(record: Record, behind: Sequence[Sequence[str]], why: str, scale: float) -> dict[str, Any]:
    found = record["effect"] is not None
    points = found and record["kind"] != "wider spread"
    numbers = [place(record[key], scale) for key in ("low", "effect", "high")] if points else None
    weakest = TONES[record["verdict"]] in ("yes", "open")
    pairs = [*behind, *[[]] * (len(record["comparisons"]) - len(behind))]
    return {
        **{key: record[key] for key in ("id", "sentence", "source", "verdict", "notes", "decided_by")},
        "wording": record["wording"],
        "tone": TONES[record["verdict"]],
        "effect": signed(record["effect"]) if found else "",
        "interval": f"{signed(record['low'])} to {signed(record['high'])}" if found else "",
        "p": probability(record["p"]),
        "seeds": record["seeds"],
        "examples": record["examples"],
        "bar": numbers,
        "which": "weakest comparison" if weakest else "decided by",
        "of": EFFECT[record["kind"]],
        "expected": record["expected"],
        "as_expected": EXPECTED[record["as_expected"]],
        "why": why,
        "comparisons": [_comparison(one, runs) for one, runs in zip(record["comparisons"], pairs, strict=True)],
    }


def _comparison(one: Record, runs: Sequence[str]) -> dict[str, Any]:
    made = one["effect"] is not None
    return {
        **{key: one[key] for key in ("a", "b", "columns", "reason")},
        "effect": signed(one["effect"]) if made else "",
        "interval": f"{signed(one['low'])} to {signed(one['high'])}" if made else "",
        "published": "" if (gain := one["published"]) is None else signed(gain),
        "support": probability(one["support"]),
        "against": probability(one["against"]),
        "detectable": f"{one['detectable']:.2f}" if made else "",
        "margin": f"{one['margin']:g}",
        "runs": runs,
    }
