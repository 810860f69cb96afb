"""clusters.parquet: what is written is read back; files that are no clusters are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.clusters.cluster_file import read_clusters
from bertfit.clusters.find_clusters import FoundClusters
from bertfit.core.errors import UserError


@pytest.mark.parametrize("numbers", [[0, 1, 0, 2, 1], [0], []], ids=str)
def test_written_clusters_are_read_back(tmp_path: Path, numbers: list[int]) -> None:
    FoundClusters(np.array(numbers, np.int32), 0, 0, None).write(tmp_path / "clusters.parquet")
    read = read_clusters(tmp_path / "clusters.parquet")
    assert read.dtype == np.int32 and read.tolist() == numbers


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("cluster", [1, 0], "not numbered by first appearance"),
        ("cluster", [0, 2, 1], "not numbered by first appearance"),
        ("cluster", [0, -1], "not numbered by first appearance"),
        ("cluster", [0, None], "not numbered by first appearance"),
        ("cluster", ["a"], "no clusters of test examples"),
        ("clusters", [0], "no clusters of test examples"),
    ],
)
def test_a_file_of_other_content_is_refused(tmp_path: Path, column: str, values: list, problem: str) -> None:
    path = tmp_path / "clusters.parquet"
    pq.write_table(pa.table({column: values}), path)
    with pytest.raises(UserError, match=problem):
        read_clusters(path)


def test_a_missing_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no clusters of test examples"):
        read_clusters(tmp_path / "none.parquet")
    (tmp_path / "clusters.parquet").write_bytes(b"PAR1 no Parquet")
    with pytest.raises(UserError, match="no clusters of test examples"):
        read_clusters(tmp_path / "clusters.parquet")
