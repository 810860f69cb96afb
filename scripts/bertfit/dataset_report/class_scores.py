"""Scores of the classes, and which of them are confused. Shapes: C classes."""

from __future__ import annotations

from dataclasses import dataclass

from bertfit.search.outcome_record import LabelScore, ModelOutcome

MAX_MATRIX = 12
"""classes of which the confusion matrix fits on a page"""
PAIRS = 10
"""most confused pairs of classes that are shown instead"""
FIRST = 15
"""classes that are shown before the others are folded away"""


@dataclass(frozen=True)
class MatrixCell:
    """Texts of a class (row) that got an answer (column), and their share of the row."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class MatrixRow:
    """A class and what its texts were answered, (C) cells."""

    name: str
    cells: list[MatrixCell]


@dataclass(frozen=True)
class ConfusedPair:
    """``count`` texts of class ``label`` were answered ``answer``, which is ``share`` of its texts."""

    label: str
    answer: str
    count: int
    share: float


def in_order(outcome: ModelOutcome) -> list[LabelScore]:
    """The classes, in the order of their numbers; of more than `FIRST` those with the lowest F1 first."""
    if len(outcome.labels) <= FIRST:
        return outcome.labels
    tested = sorted((label for label in outcome.labels if label.texts), key=lambda label: label.f1)
    return [*tested, *(label for label in outcome.labels if not label.texts)]


def matrix(outcome: ModelOutcome) -> list[MatrixRow]:
    """The confusion matrix, (C) rows; empty with more than `MAX_MATRIX` classes, or several labels a text."""
    counts = outcome.confusion
    if counts is None or not 1 < len(counts) <= MAX_MATRIX:
        return []
    return [
        MatrixRow(
            label.name,
            [
                MatrixCell(count, count / (sum(counts[row]) or 1), row == column)
                for column, count in enumerate(counts[row])
            ],
        )
        for row, label in enumerate(outcome.labels)
    ]


def confused(outcome: ModelOutcome) -> list[ConfusedPair]:
    """The `PAIRS` most confused pairs, where there are too many classes for `matrix`."""
    counts, names = outcome.confusion, [label.name for label in outcome.labels]
    if counts is None or len(counts) <= MAX_MATRIX:
        return []
    pairs = [
        ConfusedPair(names[row], names[column], count, count / sum(counts[row]))
        for row in range(len(counts))
        for column, count in enumerate(counts[row])
        if count and row != column
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:PAIRS]
