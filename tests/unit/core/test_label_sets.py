"""Sets of classes: numbers and sets of rows, their metadata, and predicted sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core import label_sets


def test_sets_are_numbered_in_ascending_order_whatever_the_order_of_the_rows() -> None:
    rows = [[2, 0], [], [1], [0, 2, 2], []]
    labels, sets = label_sets.number(rows)
    assert sets == [[], [0, 2], [1]] and labels.tolist() == [1, 0, 2, 1, 0] and labels.dtype == np.int32
    assert label_sets.number(rows[::-1])[1] == sets
    assert label_sets.members(sets, 3)[labels].tolist() == [
        [True, False, True], [False] * 3, [False, True, False], [True, False, True], [False] * 3
    ]  # fmt: skip


def test_metadata_survive_a_file_and_are_absent_for_one_label(tmp_path: Path) -> None:
    table = pa.table({"label": pa.array([0, 1], pa.int32())})
    for sets in ([[0, 2], []], None):
        pq.write_table(table.replace_schema_metadata(label_sets.metadata(sets)), tmp_path / "t.parquet")
        assert label_sets.read(pq.read_schema(tmp_path / "t.parquet").metadata) == sets


@pytest.mark.parametrize("text", ["{}", "[1]", "[[1, 0]]", "[[0, 0]]", "[[-1]]", '[["a"]]', "[[true]]"])
def test_other_metadata_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="label_sets is not a list of lists of ascending class numbers"):
        label_sets.read({b"label_sets": text.encode()})


def test_predicted_sets_and_thresholds() -> None:
    logits = np.array([[0.0, -1e-6, 3.0], [-1.0, -1.0, -1.0]], np.float32)
    assert label_sets.predicted(logits).tolist() == [[True, False, True], [False] * 3]
    at = label_sets.predicted(logits, np.array([0.6, 0.2, 0.97]))
    assert at.tolist() == [[False, True, False], [False, True, False]]  # sigmoid(-1) is 0.27, sigmoid(3) 0.95
    assert label_sets.predicted(logits, np.array([0.0, 1.0, 1.0]))[1].tolist() == [True, False, False]
    expected = np.array([[True, False, True], [True, False, False]])
    assert label_sets.wrong(logits, expected).tolist() == [False, True]


def test_rows_have_classes_and_sets_are_found_again() -> None:
    sets = [[], [0, 2], [1]]
    rows = label_sets.of_rows(np.array([2, 1, 1]), sets, 3)
    assert label_sets.find(rows, sets).tolist() == [2, 1, 1]
    assert label_sets.find(np.array([[True, True, False], [False] * 3]), sets).tolist() == [3, 0]
    assert label_sets.of_rows(np.array([1, 0]), None, 2).tolist() == [[False, True], [True, False]]


def test_strata_are_frequent_sets_and_rarest_classes() -> None:
    sets = [[], [0], [0, 1], [0, 1, 2], [0, 2]]
    labels = np.repeat([0, 1, 2, 3, 4], [1, 12, 10, 2, 3])
    assert label_sets.strata(labels, sets).tolist() == [0] + [1] * 12 + [2] * 10 + [7] * 5  # 2 is rarer than 0 and 1
    assert label_sets.strata(labels, None) is labels
