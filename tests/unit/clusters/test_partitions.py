"""Partitions of rows by value: of groups, joined, numbered by first appearance."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from bertfit.clusters import partitions


def test_rows_without_a_group_are_alone() -> None:
    parts = partitions.of_groups(pa.chunked_array([["b", None, "a"], ["b", None]]))
    assert partitions.by_appearance(parts).tolist() == [0, 1, 2, 0, 3]
    assert partitions.by_appearance(partitions.of_groups(pa.chunked_array([pa.nulls(2, pa.string())]))).tolist() == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 0, 1, 2], [5, 6, 6, 7], [0, 0, 0, 1]),
        ([3, 1, 3], [0, 1, 2], [0, 1, 0]),
        ([0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]),
        ([], [], []),
    ],
)
def test_joined(first: list[int], second: list[int], expected: list[int]) -> None:
    assert partitions.joined(np.array(first, int), np.array(second, int)).tolist() == expected


def test_numbers_by_first_appearance() -> None:
    parts = partitions.by_appearance(np.array([7, 2, 7, 9, 2]))
    assert parts.tolist() == [0, 1, 0, 2, 1] and parts.dtype == np.int32
    assert sorted(partitions.sizes(parts).tolist()) == [1, 2, 2]
