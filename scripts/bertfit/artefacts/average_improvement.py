"""The last column of a table: mean relative improvement of a row over another one (section 5.4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

from bertfit.evaluation.results_file import ErrorSummary, number


@dataclass(frozen=True)
class Improvement:
    """Mean relative improvement of a row, in percent, and the columns that it is computed from."""

    last: float
    best: float
    columns: tuple[str, ...]


def improvement(over: Mapping[str, float], row: Mapping[str, float]) -> tuple[float, tuple[str, ...]]:
    """Mean of ``(over - row) / over`` in percent over the columns that both have, and these columns.

    ``over``, ``row``: column -> error rate, nan if there is none. Columns where the error of ``over`` is 0 are left
    out. Returns (nan, ()) if no column remains.
    """
    columns = tuple(column for column in row if over.get(column, 0) > 0 and not isnan(row[column]))
    if not columns:
        return nan, ()
    return sum(100 * (over[column] - row[column]) / over[column] for column in columns) / len(columns), columns


def improvements(summaries: Mapping[str, Mapping[str, ErrorSummary]], over: str) -> dict[str, Improvement]:
    """Improvement over the row ``over`` of every other row that shares a column with it.

    ``summaries``: row -> column -> summary of the runs. Last and best epoch use the same columns.
    """
    basis = {
        column: summary
        for column, summary in summaries.get(over, {}).items()
        if summary.mean > 0 and summary.mean_best > 0
    }
    result = {}
    for row, line in summaries.items():
        last, columns = improvement(_means(basis, "mean"), _means(line, "mean"))
        best, _ = improvement(_means(basis, "mean_best"), _means(line, "mean_best"))
        if row != over and columns:
            result[row] = Improvement(last, best, columns)
    return result


def published(paper: Mapping[tuple[str, str], str], over: str, row: str) -> Improvement:
    """The improvement of ``row`` over ``over`` from the paper's values, which are best epochs: ``last`` is nan."""
    errors: dict[str, dict[str, float]] = {over: {}, row: {}}
    for (name, column), value in paper.items():
        if name in errors:
            errors[name][column] = number(value)
    # the paper's average is also a column, but `over` has no value there, so it is left out
    mean, columns = improvement(errors[over], errors[row])
    return Improvement(nan, mean, columns)


def _means(line: Mapping[str, ErrorSummary], which: str) -> dict[str, float]:
    return {column: getattr(summary, which) for column, summary in line.items()}


def notes(title: str, over: str, improvements: Mapping[str, Improvement], columns: Sequence[str]) -> list[str]:
    """Notes below the table: definition of the column, and rows whose average leaves out some ``columns``."""
    parts: dict[tuple[str, ...], list[str]] = {}
    for row, improved in improvements.items():
        parts.setdefault(tuple(column for column in columns if column not in improved.columns), []).append(row)
    return [
        f"{title}: mean over the corpora of (e - error) / e, where e is the error of {over}.",
        *(
            f"{title} of {', '.join(rows)}: over {len(columns) - len(left)} of {len(columns)} corpora, "
            f"without {', '.join(left)}."
            for left, rows in parts.items()
            if left
        ),
    ]
