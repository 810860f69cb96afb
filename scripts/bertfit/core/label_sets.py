"""Several labels a text: how a corpus, its tokens and the predictions on it name the classes of each row.

Their column ``label`` numbers sets of classes. The sets are in the schema metadata under `KEY`, a JSON list in the
order of the numbers; each is a list of ascending class numbers, and may be empty. Files with one label a text lack the
key, and ``label`` is the class itself. Shapes: R rows, S sets, C classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

KEY = "label_sets"
FREQUENT = 10
"""texts of a set of classes that is a stratum of its own"""
LabelSets = list[list[int]]
"""(S) the classes of each set, ascending"""
Members = npt.NDArray[np.bool_]


def read(metadata: Mapping[bytes, bytes] | None) -> LabelSets | None:
    """The sets in the metadata of a Parquet or Arrow schema; None for one label a text.

    Raises `ValueError` for metadata that are not such a list.
    """
    text = (metadata or {}).get(KEY.encode())
    if text is None:
        return None
    sets = json.loads(text)
    if not isinstance(sets, list) or not all(isinstance(each, list) and _ascending(each) for each in sets):
        raise ValueError(f"{KEY} is not a list of lists of ascending class numbers")
    return sets


def metadata(sets: LabelSets | None) -> dict[str, str]:
    """The entry of a schema's metadata that `read` reads; none for one label a text."""
    return {} if sets is None else {KEY: json.dumps(sets, separators=(",", ":"))}


def number(rows: Iterable[Iterable[int]]) -> tuple[npt.NDArray[np.int32], LabelSets]:
    """(R,) numbers of the rows' sets of classes, and the sets: in ascending order, so that they depend on no order."""
    of_rows = [tuple(sorted(set(classes))) for classes in rows]
    sets = sorted(set(of_rows))
    numbers = {each: place for place, each in enumerate(sets)}
    return np.array([numbers[each] for each in of_rows], np.int32), [list(each) for each in sets]


def members(sets: Sequence[Sequence[int]], classes: int) -> Members:
    """(S, C) whether a set holds a class. Index it with ``label`` (R,) for the classes of each row, (R, C)."""
    table = np.zeros((len(sets), classes), bool)
    for place, each in enumerate(sets):
        table[place, list(each)] = True
    return table


def of_rows(labels: npt.NDArray[np.integer], sets: LabelSets | None, classes: int) -> Members:
    """(R, C) whether a row has a class, from its ``label`` (R,); also of one label a text (``sets`` None)."""
    return np.eye(classes, dtype=bool)[labels] if sets is None else members(sets, classes)[labels]


def find(rows: Members, sets: LabelSets) -> npt.NDArray[np.int64]:
    """(R,) the number of each row's set of classes (R, C); S where it is none of the ``sets``."""
    table = members(sets, rows.shape[1])
    numbers = {each.tobytes(): place for place, each in enumerate(table)}
    return np.array([numbers.get(each.tobytes(), len(sets)) for each in np.ascontiguousarray(rows)], np.int64)


def strata(labels: npt.NDArray[np.integer], sets: LabelSets | None) -> npt.NDArray[np.integer]:
    """(R,) numbers of the groups of rows in proportion to which samples are drawn; ``labels`` (R,) as in the file.

    They are the classes or, of several labels, each set of at least `FREQUENT` rows, and the rows of all other sets by
    their rarest class.
    """
    if sets is None:
        return labels
    counts = np.bincount(labels, minlength=len(sets))
    classes = 1 + max((number for each in sets for number in each), default=0)
    texts = counts @ members(sets, classes)  # (C,) rows that have a class
    rarest = [len(sets) + min(each, key=lambda number: texts[number]) if each else place
              for place, each in enumerate(sets)]  # fmt: skip
    return np.where(counts >= FREQUENT, np.arange(len(sets)), rarest)[labels]


def predicted(logits: npt.NDArray[np.floating], thresholds: npt.NDArray[np.floating] | float = 0.5) -> Members:
    """(..., C) whether the probability of a class, the sigmoid of its logit, reaches the threshold, one or (C,).

    Compares logits, so that 0.5 is exactly the sign.
    """
    thresholds = np.asarray(thresholds, np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(logits) >= np.log(thresholds) - np.log1p(-thresholds)


def wrong(logits: npt.NDArray[np.floating], expected: Members) -> npt.NDArray[np.bool_]:
    """(...,) whether the predicted set, at the threshold 0.5, is another than the ``expected`` one, (..., C)."""
    return (predicted(logits) != expected).any(-1)


def _ascending(numbers: list[object]) -> bool:
    whole = all(type(number) is int and number >= 0 for number in numbers)
    return whole and numbers == sorted(set(numbers))  # type: ignore[type-var]
