"""Clusters of the test examples of a corpus: of one declared group, or near-duplicates, directly or through others.

Written to ``clusters.parquet``, which `cluster_file` reads. Shapes: N test examples.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.core.errors import UserError, plain
from bertfit.core.files import atomic
from bertfit.data import near_duplicates, splits
from bertfit.data.corpus_card import ClusterFacts
from bertfit.data.local_files import GROUP
from bertfit.data.near_duplicates import Shingles

LARGE = (50, 0.01)
"""More near-duplicates than this number and this share of the texts, linked through others, are texts of one form."""
COPIES = 0.9
"""similarity that joins the texts of such a set: copies with few changes"""
LEAK = 0.01
"""share of the test texts with a near-duplicate in the training split from which on the log warns"""
BATCH = 4096  # training texts in memory

log = logging.getLogger(__name__)


def find(
    tables: Mapping[str, pa.Table], group: str | int | None, corpus: str
) -> tuple[npt.NDArray[np.int32], ClusterFacts]:
    """(N,) cluster of each row of the test split, numbered from 0 by first appearance, and what the card says of them.

    ``tables``: both splits, normalised, with their groups (`GROUP`) where the column ``group`` is declared. Logs a
    warning where groups or near-duplicates are in both splits.
    """
    test, train = tables["test"], tables["train"]
    texts = [near_duplicates.shingles(text) for text in splits.keys(test).to_pylist()]
    near = _near_duplicates(texts)
    joined = near if group is None else splits.joined(near, splits.group_codes(test[GROUP]))
    clusters = pd.factorize(joined)[0].astype(np.int32)
    facts = ClusterFacts(
        **_sizes(clusters),
        near_duplicates=_sizes(near)["texts"],
        near_duplicates_in_train=int(near_duplicates.found_in(texts, _batches(train)).sum()),
        group=group,
        texts_of_train_groups=None if group is None else _of_train_groups(test, train),
    )
    _warn(facts, len(test), corpus)
    return clusters, facts


def check_groups(groups: pa.ChunkedArray, column: str | int, where: str) -> None:
    """Raise `UserError` if all rows are of one group. ``where``: their file, for the message."""
    if len(groups) > 1 and not groups.null_count and len(groups.unique()) == 1:
        raise UserError(
            f"{where}: all rows have the same value in the group column {column!r} ({plain(groups[0].as_py())!r}); "
            "name a column that tells authors, products or threads apart, or leave it out"
        )


def write(clusters: npt.NDArray[np.int32], path: Path) -> None:
    """Write (N,) clusters in the order of the test split."""
    with atomic(path) as temporary:
        pq.write_table(pa.table({"cluster": pa.array(clusters, pa.int32())}), temporary, compression="zstd")


def _near_duplicates(texts: list[Shingles]) -> npt.NDArray[np.int32]:
    """(N,) number of the near-duplicates that each text belongs to; large sets are divided (`LARGE`, `COPIES`)."""
    found = near_duplicates.components(texts)
    number, share = LARGE
    for large in np.flatnonzero(np.bincount(found) > max(number, share * len(texts))):
        members = np.flatnonzero(found == large)
        found[members] = found.max() + 1 + near_duplicates.components([texts[i] for i in members], COPIES)
    return found


def _sizes(clusters: npt.NDArray[np.integer]) -> dict[str, int]:
    """Number of clusters, texts of the largest, and texts in clusters of two or more."""
    sizes = np.unique(clusters, return_counts=True)[1]
    return {"clusters": len(sizes), "largest": int(sizes.max(initial=0)), "texts": int(sizes[sizes > 1].sum())}


def _batches(table: pa.Table) -> Iterator[list[str]]:
    keys = splits.keys(table)
    return (keys.slice(start, BATCH).to_pylist() for start in range(0, len(keys), BATCH))


def _of_train_groups(test: pa.Table, train: pa.Table) -> int:
    """Number of test texts whose group has training texts."""
    return pc.sum(pc.is_in(test[GROUP], value_set=train[GROUP].unique(), skip_nulls=True)).as_py() or 0


def _warn(facts: ClusterFacts, texts: int, corpus: str) -> None:
    if facts.texts_of_train_groups:
        log.warning(
            "corpus %s: %d of %d test texts are of a group (column %r) that has training texts, too; the error on "
            "texts of new groups is likely to be higher",
            corpus, facts.texts_of_train_groups, texts, facts.group,
        )  # fmt: skip
    if facts.near_duplicates_in_train > LEAK * texts:
        log.warning(
            "corpus %s: %d of %d test texts have a near-duplicate in the training split; the error on new texts is "
            "likely to be higher",
            corpus, facts.near_duplicates_in_train, texts,
        )  # fmt: skip
