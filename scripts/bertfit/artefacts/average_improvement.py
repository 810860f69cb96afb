"""A table's last column: by how much, on average over the corpora, a row improves upon another (section 5.4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

from bertfit.evaluation.results_file import ErrorSummary, number


@dataclass(frozen=True)
class Improvement:
    """Mean relative improvement of one row, in percent, and the columns it goes over."""

    last: float
    best: float
    columns: tuple[str, ...]


def improvement(over: Mapping[str, float], row: Mapping[str, float]) -> tuple[float, tuple[str, ...]]:
    """Mean of ``(over - row) / over`` in percent over the columns that both have, and these columns.

    Error rates by column, nan where there is none. A column where ``over`` makes no error has no relative improvement
    and is left out; (nan, ()) where none remains.
    """
    columns = tuple(column for column in row if over.get(column, 0) > 0 and not isnan(row[column]))
    if not columns:
        return nan, ()
    return sum(100 * (over[column] - row[column]) / over[column] for column in columns) / len(columns), columns


def improvements(found: Mapping[str, Mapping[str, ErrorSummary]], over: str) -> dict[str, Improvement]:
    """Improvement upon the row ``over`` of every other row that shares a column with it.

    ``found``: row -> column -> summary, of what was run. Last and best epoch go over the same columns.
    """
    basis = {column: mine for column, mine in found.get(over, {}).items() if mine.mean > 0 and mine.mean_best > 0}
    result = {}
    for row, line in found.items():
        last, columns = improvement(_means(basis, "mean"), _means(line, "mean"))
        best, _ = improvement(_means(basis, "mean_best"), _means(line, "mean_best"))
        if row != over and columns:
            result[row] = Improvement(last, best, columns)
    return result


def published(paper: Mapping[tuple[str, str], str], over: str, row: str) -> Improvement:
    """The same from the paper's own cells, best epochs as they are."""
    errors: dict[str, dict[str, float]] = {over: {}, row: {}}
    for (name, column), value in paper.items():
        if name in errors:
            errors[name][column] = number(value)
    # the paper's average stands in its table as a column, of which the row improved upon has none
    mean, columns = improvement(errors[over], errors[row])
    return Improvement(nan, mean, columns)


def _means(line: Mapping[str, ErrorSummary], which: str) -> dict[str, float]:
    return {column: getattr(mine, which) for column, mine in line.items()}


def notes(title: str, over: str, found: Mapping[str, Improvement], columns: Sequence[str]) -> list[str]:
    """What the column is, and which rows' averages leave out some of the table's ``columns``."""
    parts: dict[tuple[str, ...], list[str]] = {}
    for row, mine in found.items():
        parts.setdefault(tuple(column for column in columns if column not in mine.columns), []).append(row)
    return [
        f"{title}: mean over the corpora of (e - error) / e, where e is the error of {over}.",
        *(
            f"{title} of {', '.join(rows)}: over {len(columns) - len(left)} of {len(columns)} corpora, "
            f"without {', '.join(left)}."
            for left, rows in parts.items()
            if left
        ),
    ]
