"""Comparison of two results folders as a Markdown page, aligned for a terminal, and as a CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bertfit.core.files import write_text
from bertfit.core.formatting import probability, table
from bertfit.evaluation.compare_results import NOISE, ONE_SEED, SAME, VERDICTS, Change, ResultsSide

HEAD = ("cell", "seeds", "a", "b", "b - a", "95 % interval", "p", "verdict", "paired by")
MAX_QUIET = 30  # more cells without a change than this are counted, not listed


def markdown(changes: Sequence[Change], a: ResultsSide, b: ResultsSide, *, all_cells: bool = False) -> str:
    """The page: counts of verdicts, different versions and machines, and the cells (long lists: the changed ones)."""
    counts = Counter(change.verdict for change in changes)
    order = [word for word in (*VERDICTS, "only in a", "only in b") if counts[word]]
    quiet = [change for change in changes if change.verdict in (NOISE, ONE_SEED, SAME)]
    hidden = set() if all_cells or len(quiet) <= MAX_QUIET else set(quiet)
    rows = [_row(change) for change in changes if change not in hidden]
    return "\n".join(
        [
            f"# {a.folder} (a) and {b.folder} (b)",
            "",
            ", ".join(f"{word}: {counts[word]}" for word in order) + ".",
            "",
            *_circumstances(a, b),
            *(table(HEAD, rows, "lr", padded=True) if rows else []),
            *([f"{len(hidden)} cells within noise, of one seed or the same are not listed (--all)."] if hidden else []),
            "",
            "Test error in percent, last epoch; p corrected for the number of cells (Holm). Paired where both predict "
            "the same test examples; a cell has moved where the corrected p is below 0.05. One seed does not allow "
            "conclusions about others: it differs or not, with McNemar's p for the two trained models.",
            "",
        ]
    )


def csv(changes: Sequence[Change], path: Path) -> None:
    """Write all fields of all cells."""
    frame = pd.DataFrame([vars(change) for change in changes], columns=list(Change.__dataclass_fields__))
    write_text(path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _circumstances(a: ResultsSide, b: ResultsSide) -> list[str]:
    of_a, of_b = a.circumstances(), b.circumstances()
    lines = [
        f"- {name}: {of_a.get(name, 'unknown')} (a), {of_b.get(name, 'unknown')} (b)"
        for name in dict.fromkeys([*of_a, *of_b])
        if of_a.get(name) != of_b.get(name)
    ]
    return [*lines, ""] if lines else []


def _row(change: Change) -> list[str]:
    seeds = str(change.seeds_a) if change.seeds_a == change.seeds_b else f"{change.seeds_a}, {change.seeds_b}"
    p = change.p if change.corrected is None else change.corrected
    interval = "" if change.low is None or change.high is None else f"{change.low:+.2f} to {change.high:+.2f}"
    return [
        f"{change.corpus}/{change.encoder}/{change.recipe}",
        seeds,
        *("" if value is None else f"{value:.2f}" for value in (change.a, change.b)),
        "" if change.difference is None else f"{change.difference:+.2f}",
        interval,
        probability(p),
        change.verdict,
        change.how,
    ]
