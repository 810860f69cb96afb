"""Clusters of the test texts of a corpus: of one declared group, or near-duplicates, directly or through others.

Written to ``clusters.parquet``, which `cluster_file` reads. Shapes: N test texts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.clusters import near_duplicates, partitions
from bertfit.clusters.near_duplicates import Shingles
from bertfit.clusters.partitions import Parts
from bertfit.core.errors import UserError, plain
from bertfit.core.files import atomic

LARGE = (50, 0.01)
"""More near-duplicates than this number and this share of the texts, linked through others, are texts of one form."""
COPIES = 0.9
"""similarity that joins the texts of such a set: copies with few changes"""
LEAK = 0.01
"""share of the test texts with a near-duplicate in the training split from which on the log warns"""
BATCH = 4096  # training texts in memory

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """A split: the text of each row, and its group (null: none); None if no group column is declared."""

    texts: pa.ChunkedArray
    groups: pa.ChunkedArray | None = None


@dataclass(frozen=True)
class FoundClusters:
    """Clusters of test texts, and how many of these are not independent of the training split."""

    numbers: Parts
    """(N,) cluster of each test text, numbered from 0 by first appearance"""
    near_duplicates: int
    """test texts that have a near-duplicate among the test texts"""
    near_duplicates_in_train: int
    texts_of_train_groups: int | None
    """test texts whose group has training texts; None without groups"""

    def counts(self) -> dict[str, int | None]:
        """All counts: also those of clusters, of texts of the largest, and of texts in clusters of two or more."""
        sizes = partitions.sizes(self.numbers)
        return {
            "clusters": len(sizes),
            "largest": int(sizes.max(initial=0)),
            "texts": int(sizes[sizes > 1].sum()),
            "near_duplicates": self.near_duplicates,
            "near_duplicates_in_train": self.near_duplicates_in_train,
            "texts_of_train_groups": self.texts_of_train_groups,
        }

    def write(self, path: Path) -> None:
        """Write the clusters in the order of the test split."""
        with atomic(path) as temporary:
            pq.write_table(pa.table({"cluster": pa.array(self.numbers, pa.int32())}), temporary, compression="zstd")


def find(test: Rows, train: Rows, corpus: str) -> FoundClusters:
    """Find the clusters of the test split; log a warning where groups or near-duplicates are in both splits.

    Raises `UserError` if all of several test texts are of one group, so that no error on them can have an interval; if
    they are near-duplicates, the log warns.
    """
    texts = [near_duplicates.shingles(text) for text in test.texts.to_pylist()]
    near = _near_duplicates(texts)
    sizes = partitions.sizes(near)
    found = FoundClusters(
        partitions.by_appearance(near if test.groups is None else _with_groups(near, test.groups)),
        near_duplicates=int(sizes[sizes > 1].sum()),
        near_duplicates_in_train=int(near_duplicates.found_in(texts, _batches(train.texts)).sum()),
        texts_of_train_groups=_of_train_groups(test, train),
    )
    if test.groups is not None and len(found.numbers) > 1 and not found.numbers.any():
        raise UserError(
            f"corpus {corpus!r}: all {len(found.numbers)} test texts are of one group, so that nothing tells how far "
            "errors vary; test on texts of several groups, from a test file or of a larger share held out"
        )
    _warn(found, corpus)
    return found


def check_groups(groups: pa.ChunkedArray, column: str | int | None, where: str) -> None:
    """Raise `UserError` if all rows are of one group. ``where``: their file, for the message."""
    if len(groups) > 1 and not groups.null_count and len(groups.unique()) == 1:
        raise UserError(
            f"{where}: all rows have the same value in the group column {column!r} ({plain(groups[0].as_py())!r}); "
            "name a column that tells authors, products or threads apart, or leave it out"
        )


def _near_duplicates(texts: list[Shingles]) -> npt.NDArray[np.int32]:
    """(N,) number of the near-duplicates that each text belongs to; large sets are divided (`LARGE`, `COPIES`)."""
    found = near_duplicates.components(texts)
    number, share = LARGE
    for large in np.flatnonzero(np.bincount(found) > max(number, share * len(texts))):
        members = np.flatnonzero(found == large)
        found[members] = found.max() + 1 + near_duplicates.components([texts[i] for i in members], COPIES)
    return found


def _with_groups(near: Parts, groups: pa.ChunkedArray) -> Parts:
    return partitions.joined(near, partitions.of_groups(groups))


def _batches(texts: pa.ChunkedArray) -> Iterator[list[str]]:
    return (texts.slice(start, BATCH).to_pylist() for start in range(0, len(texts), BATCH))


def _of_train_groups(test: Rows, train: Rows) -> int | None:
    if test.groups is None or train.groups is None:
        return None
    return pc.sum(pc.is_in(test.groups, value_set=train.groups.unique(), skip_nulls=True)).as_py() or 0


def _warn(found: FoundClusters, corpus: str) -> None:
    texts = len(found.numbers)
    if found.near_duplicates == texts > 1 and not found.numbers.any():
        log.warning("corpus %s: all %d test texts are near-duplicates; their errors cannot be scored", corpus, texts)
    if found.texts_of_train_groups:
        log.warning(
            "corpus %s: %d of %d test texts are of a group that has training texts, too; the error on texts of new "
            "groups is likely to be higher",
            corpus, found.texts_of_train_groups, texts,
        )  # fmt: skip
    if found.near_duplicates_in_train > LEAK * texts:
        log.warning(
            "corpus %s: %d of %d test texts have a near-duplicate in the training split; the error on new texts is "
            "likely to be higher",
            corpus, found.near_duplicates_in_train, texts,
        )  # fmt: skip
