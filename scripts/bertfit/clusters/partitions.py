"""Partitions of rows, as the number of each row's part. Shapes: R rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Parts = npt.NDArray[np.int32]


def of_groups(groups: pa.ChunkedArray) -> Parts:
    """(R,) number of each row's group; a row without one (null) is alone."""
    codes = pc.fill_null(groups.combine_chunks().dictionary_encode().indices, -1).to_numpy().astype(np.int32)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes


def joined(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer]) -> Parts:
    """(R,) the finest partition in which rows are together that are so in either argument."""
    if not len(first):
        return np.zeros(0, np.int32)
    offset = int(first.max()) + 1
    size = offset + int(second.max()) + 1
    graph = coo_array((np.ones(len(first), bool), (first, offset + second)), shape=(size, size))
    return by_appearance(connected_components(graph, directed=False)[1][first])


def by_appearance(parts: npt.NDArray[np.integer]) -> Parts:
    """(R,) the same partition, its parts numbered from 0 by first appearance."""
    _, first, parts = np.unique(parts, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first)).astype(np.int32)[parts]


def sizes(parts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Rows of each part."""
    return np.unique(parts, return_counts=True)[1]
