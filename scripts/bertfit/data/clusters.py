"""Clusters of the test examples of a corpus: those of one declared group, and near-duplicates.

Written to ``clusters.parquet``, which `cluster_file` reads. Shapes: N test examples.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.core.files import atomic
from bertfit.data import splits


def find(test: pa.Table) -> npt.NDArray[np.int32]:
    """(N,) cluster of each row of a normalised test split (`corpora`), numbered from 0 by first appearance."""
    return pd.factorize(splits.keys(test).to_pandas())[0].astype(np.int32)


def write(clusters: npt.NDArray[np.int32], path: Path) -> None:
    """Write (N,) clusters in the order of the test split."""
    with atomic(path) as temporary:
        pq.write_table(pa.table({"cluster": pa.array(clusters, pa.int32())}), temporary, compression="zstd")
