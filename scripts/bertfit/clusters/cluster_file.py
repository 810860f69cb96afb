"""Reads the clusters of the test examples of a corpus: ``clusters.parquet``, built by `find_clusters`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.core.errors import UserError


def read_clusters(path: Path) -> npt.NDArray[np.int32]:
    """(N,) cluster of each test example, in the order of ``test.parquet``, numbered from 0 by first appearance.

    Examples of a cluster share their fate: one author or product, or near-duplicates. An example alone has a cluster of
    its own. Raises `UserError` if the file is missing, damaged, or numbered differently.
    """
    try:
        clusters = pq.read_table(path, columns=["cluster"])["cluster"].cast(pa.int32()).to_numpy()
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: no clusters of test examples ({error}); delete its folder and run again") from error
    before = np.maximum.accumulate(np.concatenate([[-1], clusters]))[:-1]  # highest number of the rows above
    if not ((clusters >= 0) & (clusters <= before + 1)).all():
        raise UserError(f"{path}: clusters are not numbered by first appearance; delete its folder and run again")
    return np.asarray(clusters, np.int32)
