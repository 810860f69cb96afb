"""Labels of probabilities, and their writers: CSV and JSONL, a row for each text. Shapes: R texts, C classes."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TextIO

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from bertfit.core import formatting
from bertfit.core.errors import UserError
from bertfit.inference.model_folder import THRESHOLD

Format = Literal["csv", "jsonl"]
SEPARATOR = ";"
"""between the labels of a text in CSV"""


@dataclass(frozen=True)
class TextAnswer:
    """The answer to one text. ``labels``: one, or several, or none; ``probabilities`` (C,), empty for an empty text."""

    labels: list[str]
    probabilities: list[float]


@dataclass(frozen=True)
class Decision:
    """How logits become labels. ``thresholds`` (C): of several labels a text; None: the most probable class alone."""

    names: list[str]
    thresholds: list[float] | None = None

    @classmethod
    def of(cls, names: list[str], several_labels: bool, thresholds: list[float] | None = None) -> Decision:
        """The decision of a model. Raises `UserError` where there are not as many thresholds as classes."""
        if not several_labels:
            return cls(names)
        if thresholds is not None and len(thresholds) != len(names):
            raise UserError(f"bertfit.json: {len(thresholds)} thresholds for {len(names)} classes; give one for each")
        return cls(names, thresholds or [THRESHOLD] * len(names))

    def answers(self, logits: NDArray[np.float32]) -> list[TextAnswer]:
        """The answers of logits (R, C): softmax and the first of the most probable classes, or sigmoid by class."""
        wide = logits.astype(np.float64)
        if self.thresholds is None:
            return [TextAnswer([self.names[int(row.argmax())]], row.tolist()) for row in softmax(wide, axis=1)]
        names = np.array(self.names, object)
        return [TextAnswer(names[row >= self.thresholds].tolist(), row.tolist()) for row in expit(wide)]


class AnswerWriter(Protocol):
    """Writes a row for each text."""

    def write(self, kept: Mapping[str, Any], answer: TextAnswer) -> None:
        """``kept``: the columns of the input that are copied, or the number of the row."""


def writer(kind: Format, sink: TextIO, decision: Decision) -> AnswerWriter:
    """A writer of a format; the head of a CSV is written with its first row."""
    return (CsvWriter if kind == "csv" else JsonlWriter)(sink, decision)


class CsvWriter:
    """Columns: those kept, ``label``, ``probability`` (of one label a text), and ``p(<class>)`` for each class.

    Several labels of a text are joined by `SEPARATOR`. Cells are safe in spreadsheets: an apostrophe is put before what
    would be a formula. A kept column of the name of one of ours leaves it unchanged; ours is then ``<name>_predicted``.
    """

    def __init__(self, sink: TextIO, decision: Decision) -> None:
        self._rows, self._decision = csv.writer(sink, lineterminator="\n"), decision
        self._ours = ["label", *(["probability"] if decision.thresholds is None else [])]
        self._ours += [f"p({name})" for name in decision.names]
        self._shown = dict(zip(decision.names, named(decision.names), strict=True))
        self._head: list[str] | None = None

    def write(self, kept: Mapping[str, Any], answer: TextAnswer) -> None:
        """Write a row, and before the first one the head."""
        if self._head is None:
            self._head = list(kept)
            self._rows.writerow([*named(self._head), *distinct(self._ours, self._head)])
        label = SEPARATOR.join(self._shown[name] for name in answer.labels)
        numbers = [f"{value:.6f}" for value in answer.probabilities] or [""] * len(self._decision.names)
        best = [max(numbers)] if self._decision.thresholds is None else []
        cells = named(["" if kept[name] is None else str(kept[name]) for name in self._head])
        self._rows.writerow([*cells, label, *best, *numbers])


class JsonlWriter:
    """Keys: those kept, ``label`` (or ``labels``, a list) and ``probabilities`` (class -> value, or null)."""

    def __init__(self, sink: TextIO, decision: Decision) -> None:
        self._sink, self._decision = sink, decision
        self._ours = ["label" if decision.thresholds is None else "labels", "probabilities"]

    def write(self, kept: Mapping[str, Any], answer: TextAnswer) -> None:
        """Write a line."""
        label = answer.labels if self._decision.thresholds is not None else next(iter(answer.labels), None)
        values = [round(value, 6) for value in answer.probabilities]
        by_class = dict(zip(self._decision.names, values, strict=True)) if values else None
        row = dict(kept) | dict(zip(distinct(self._ours, list(kept)), (label, by_class), strict=True))
        self._sink.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def distinct(ours: Sequence[str], kept: Sequence[str]) -> list[str]:
    """Our column names, with ``_predicted`` behind those that the input has, too."""
    return [f"{name}_predicted" if name in kept else name for name in ours]


def named(names: Sequence[str]) -> list[str]:
    """Texts that are safe in a spreadsheet; numbers stay unchanged."""
    return [formatting.spreadsheet_safe_label(name) for name in names]
