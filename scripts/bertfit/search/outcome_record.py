"""``search/outcome.json``: the winner, trained on the whole training split and measured once on the test split.

Shares are of 1, not percent. Imports neither numpy nor pandas.
"""

from __future__ import annotations

from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.core.pydantic_errors import from_json
from bertfit.search.search_record import Record


class Interval(Record):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class LabelScore(Record):
    """A class on the test split: its training texts, its test texts, and the answers that name it."""

    name: str
    trained: int
    texts: int
    answers: int
    precision: float | None
    """None where no answer names it"""
    recall: float | None
    """None where it has no test text"""
    f1: float
    threshold: float = 0.5
    """of several labels a text: the probability from which the label is given"""


class TemperatureScaling(Record):
    """Temperature scaling, fitted on validation data: expected calibration error on the test split before and after."""

    temperature: float
    note: str
    """why the temperature is 1, if it was not fitted; else empty"""
    before: float
    after: float


class Constant(Record):
    """The error of always answering the most frequent class of the training split."""

    name: str
    error: float


class ModelOutcome(Record):
    """Values on the test split.

    Error, F1 and Matthews correlation are means over the seeds; what is said of single classes, the confusion matrix
    and the calibration are those of the first seed, which is exported.
    """

    candidate: str
    title: str
    texts: int
    seeds: int
    several_labels: bool
    error: Interval
    """of several labels a text: share of texts whose set of labels is not exactly right"""
    macro_f1: Interval
    micro_f1: float
    mcc: Interval | None
    """None with several labels a text"""
    constant: Constant
    labels: list[LabelScore]
    never: list[str]
    """classes with test texts that are never answered"""
    one_class: bool
    """the test split has one class only, so that its errors say little"""
    confusion: list[list[int]] | None
    """(C, C), labels in rows, answers in columns; None with several labels a text"""
    calibration: TemperatureScaling

    @property
    def thresholds(self) -> list[float] | None:
        """Probability of each class from which it is given; None with one label a text."""
        return [label.threshold for label in self.labels] if self.several_labels else None


def read(path: Path) -> ModelOutcome:
    """Read the record. Raises `UserError` if it is missing or damaged."""
    try:
        return from_json(ModelOutcome, read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not the outcome of a search ({error}); delete it and run again") from error
