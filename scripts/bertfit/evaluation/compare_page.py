"""What moved between two results folders, for readers: one Markdown page that also reads well in a terminal; a CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bertfit.core.files import write_text
from bertfit.core.formatting import probability, spreadsheet_safe_frame, table
from bertfit.evaluation.compare_results import NOISE, ONE, SAME, VERDICTS, Change, ResultsSide

HEAD = ("cell", "seeds", "a", "b", "b - a", "95 % interval", "p", "verdict", "paired by")
SHOWN = 30  # cells of which nothing is to be told are counted, not listed, beyond so many


def markdown(changes: Sequence[Change], a: ResultsSide, b: ResultsSide, *, all_cells: bool = False) -> str:
    """The page: what differs in versions and machines, how many cells moved, and which."""
    counts = Counter(change.verdict for change in changes)
    order = [word for word in (*VERDICTS, "only in a", "only in b") if counts[word]]
    quiet = [change for change in changes if change.verdict in (NOISE, ONE, SAME)]
    hidden = set() if all_cells or len(quiet) <= SHOWN else set(quiet)
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
            "the same test examples; a cell has moved where the corrected p is below 0.05. Of one seed nothing can be "
            "told about others: the same one differs or it does not, with McNemar's p for the two models.",
            "",
        ]
    )


def csv(changes: Sequence[Change], path: Path) -> None:
    """All fields of all cells."""
    frame = pd.DataFrame([vars(change) for change in changes], columns=list(Change.__dataclass_fields__))
    write_text(path, spreadsheet_safe_frame(frame).to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _circumstances(a: ResultsSide, b: ResultsSide) -> list[str]:
    one, other = a.circumstances(), b.circumstances()
    lines = [
        f"- {name}: {one.get(name, 'unknown')} (a), {other.get(name, 'unknown')} (b)"
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
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
