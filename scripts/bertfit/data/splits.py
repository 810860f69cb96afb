"""Stratified samples and test splits of a corpus, deterministic functions of its rows.

Shapes: R rows of a table, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bertfit.clusters import partitions
from bertfit.clusters.find_clusters import Rows
from bertfit.core import label_sets, times
from bertfit.core.errors import UserError
from bertfit.data.local_files import GROUP, ROW, TIME

SEED = 20190514  # fixed: samples and splits are the same in all runs of a study
LEAST = 2  # distinct texts, or groups, of a test split: with one, nothing tells how far errors vary
PASSES = 5  # over the groups of a corpus
ATTRIBUTES = (ROW, GROUP, TIME)
"""columns that a normalised table may have beside its texts and labels; models read none of them"""


def stratified(labels: npt.NDArray[np.integer], rows: int, seed: Sequence[int]) -> npt.NDArray[np.int64]:
    """(rows,) ascending positions of a sample in proportion to the classes, with at least one row of each.

    A function of its arguments only. Of each class, a smaller sample is a subset of a larger one. Raises `ValueError`
    if ``rows`` is less than the number of classes.
    """
    classes, counts = np.unique(labels, return_counts=True)
    spare = rows - len(classes)
    if spare < 0:
        raise ValueError(f"{rows} rows cannot hold {len(classes)} classes")
    if rows >= len(labels):
        return np.arange(len(labels))
    exact = spare * (counts - 1) / (len(labels) - len(classes))  # beyond the first of each class
    quota = np.floor(exact).astype(np.int64)
    quota[np.argsort(quota - exact, kind="stable")[: spare - quota.sum()]] += 1  # largest remainders
    chosen = [
        np.random.default_rng([*seed, int(label)]).permutation(np.flatnonzero(labels == label))[: 1 + extra]
        for label, extra in zip(classes, quota, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def hold_out(table: pa.Table, share: float, where: str) -> dict[str, pa.Table]:
    """Split a normalised table (`corpora`) into ``train`` and ``test``, which gets a ``share`` of the distinct texts.

    Both keep the order of the rows. Rows of the same text stay together, so that no test text is in the training set;
    every class keeps a training text. With groups (`GROUP`), the rows of a group stay together, too, and the share is
    of the rows. With times (`TIME`), the last rows in time are the test split, equal times on one side, and texts or
    groups may be on both. Raises `UserError`, naming the file ``where``, if there are too few texts, groups or times.
    """
    if TIME in table.column_names:
        in_test = _last_in_time(table[TIME], share, where)
        return {"train": table.filter(pc.invert(in_test)), "test": table.filter(in_test)}
    # (R,) number of each row's distinct text, by first occurrence
    codes = keys(table).combine_chunks().dictionary_encode().indices.to_numpy()
    labels = strata(table)
    if GROUP in table.column_names:
        codes = partitions.joined(codes, partitions.of_groups(table[GROUP]))
        in_train = ~_hold_out_groups(codes, labels, share)
    else:
        _, first = np.unique(codes, return_index=True)
        size = max(LEAST, round(share * len(first)))
        try:
            train_texts = stratified(labels[first], len(first) - size, [SEED, 2])
        except ValueError:
            raise UserError(
                f"{where}: {len(first)} distinct texts of {(classes := len(np.unique(labels)))} classes are too few to "
                f"hold {size} out for a test: at least {classes + LEAST} are needed; add rows, or give a test file"
            ) from None
        in_train = np.isin(codes, train_texts)
    given = members(table)
    test_only = given[~in_train].any(0) & ~given[in_train].any(0)  # possible where rows of one text differ in label
    in_train |= np.isin(codes, codes[given[:, test_only].any(1)])
    held_out = len(np.unique(codes[~in_train]))
    if held_out < LEAST:
        what = "group" if GROUP in table.column_names else "text"
        raise UserError(
            f"{where}: {'only one' if held_out else 'no'} {what} can be held out for a test, and an interval of the "
            f"error needs {LEAST}; add rows, or give a test file"
        )
    return {"train": table.filter(pa.array(in_train)), "test": table.filter(pa.array(~in_train))}


def _last_in_time(column: pa.ChunkedArray, share: float, where: str) -> pa.ChunkedArray:
    """(R,) booleans: which rows are held out, those from one time on, so that their share is as near as possible."""
    ranks = pc.rank(column.combine_chunks(), tiebreaker="dense").to_numpy() - 1  # (R,) number of the row's time
    later = np.cumsum(np.bincount(ranks)[::-1])[::-1]  # rows from each time on
    if len(later) < 2:
        raise UserError(
            f"{where}: all rows have the same time ({times.shown(column[0].as_py())}), so none is the last; name "
            "another column, or give a test file"
        )
    first = 1 + int(np.argmin(abs(later[1:] - share * len(ranks))))  # of equally near ones the earliest
    return pa.array(ranks >= first)


def _hold_out_groups(groups: npt.NDArray[np.integer], labels: npt.NDArray[np.integer], share: float) -> npt.NDArray:
    """(R,) which rows are held out: in random order each group changes sides if that brings the classes nearer to the
    ``share``, until none does, at most `PASSES` times.
    """
    _, classes = np.unique(labels, return_inverse=True)
    counts = np.zeros((groups.max() + 1, classes.max() + 1), np.int32)  # rows of each group and class
    np.add.at(counts, (groups, classes), 1)
    missing = share * counts.sum(axis=0)  # (C,) rows that the test split lacks
    weights = 1 / missing
    held_out = np.zeros(len(counts), bool)
    order = np.random.default_rng([SEED, 2]).permutation(len(counts))
    for _ in range(PASSES):
        before = held_out.copy()
        for group in order:
            rows = -counts[group] if held_out[group] else counts[group]
            if (weights * rows * (rows - 2 * missing)).sum() < 0:  # change of the weighted squares of `missing`
                held_out[group] = not held_out[group]
                missing = missing - rows
        if np.array_equal(held_out, before):
            break
    return held_out[groups]


def strata(table: pa.Table) -> npt.NDArray[np.integer]:
    """(R,) classes of the rows of a normalised table; of several labels see `label_sets.strata`."""
    return label_sets.strata(table["label"].to_numpy(), label_sets.read(table.schema.metadata))


def members(table: pa.Table) -> label_sets.Members:
    """(R, C) which classes the rows of a normalised table have."""
    labels, sets = table["label"].to_numpy(), label_sets.read(table.schema.metadata)
    numbers = labels if sets is None else np.array([number for each in sets for number in each], int)
    return label_sets.of_rows(labels, sets, 1 + int(numbers.max(initial=0)))


def leaks(tables: Mapping[str, pa.Table]) -> pa.ChunkedArray:
    """(R,) booleans: whether a training row has the text of a test row."""
    return pc.is_in(keys(tables["train"]), value_set=keys(tables["test"]))


def keys(table: pa.Table) -> pa.ChunkedArray:
    """(R,) text of each row of a normalised table, all fields joined: equal exactly for rows of equal text."""
    return pc.binary_join_element_wise(*texts(table).columns, "\x00")


def rows(table: pa.Table) -> Rows:
    """Texts and groups of a normalised table, for `find_clusters`."""
    return Rows(keys(table), table[GROUP] if GROUP in table.column_names else None)


def row_numbers(table: pa.Table) -> npt.NDArray[np.int32]:
    """(R,) numbers of the rows of a split in its file, from 1."""
    return table[ROW].to_numpy() if ROW in table.column_names else np.arange(1, table.num_rows + 1, dtype=np.int32)


def without_plain_numbers(table: pa.Table) -> pa.Table:
    """The table without `ROW` if that only counts its rows, as in a split that has all rows of its file."""
    if ROW in table.column_names and np.array_equal(table[ROW], np.arange(1, table.num_rows + 1)):
        return table.drop_columns([ROW])
    return table


def texts(table: pa.Table) -> pa.Table:
    """The text fields of a normalised table."""
    return table.select([name for name in table.column_names if name not in ("label", *ATTRIBUTES)])
