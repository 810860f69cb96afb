"""Stratified samples and test splits of a corpus, deterministic functions of its rows. Shapes: R rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bertfit.core.errors import UserError

SEED = 20190514  # fixed: samples and splits are the same in all runs of a study


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
    every class keeps a training text. Raises `UserError`, naming the file ``where``, if there are too few texts.
    """
    # (R,) number of each row's distinct text, by first occurrence
    codes = keys(table).combine_chunks().dictionary_encode().indices.to_numpy()
    labels = table["label"].to_numpy()
    _, first = np.unique(codes, return_index=True)
    size = max(1, round(share * len(first)))
    try:
        train_texts = stratified(labels[first], len(first) - size, [SEED, 2])
    except ValueError:
        classes = len(np.unique(labels))
        raise UserError(
            f"{where}: {len(first)} distinct texts of {classes} classes are too few to hold {size} out for a test; "
            "add rows, or give a test file"
        ) from None
    in_train = np.isin(codes, train_texts)
    test_only = np.setdiff1d(labels[~in_train], labels[in_train])  # possible where a text has several labels
    in_train |= np.isin(codes, codes[np.isin(labels, test_only)])
    if in_train.all():
        raise UserError(f"{where}: no text can be held out for a test; add rows, or give a test file")
    return {"train": table.filter(pa.array(in_train)), "test": table.filter(pa.array(~in_train))}


def leaks(tables: Mapping[str, pa.Table]) -> pa.ChunkedArray:
    """(R,) booleans: whether a training row has the text of a test row."""
    return pc.is_in(keys(tables["train"]), value_set=keys(tables["test"]))


def keys(table: pa.Table) -> pa.ChunkedArray:
    """(R,) text of each row of a normalised table, all fields joined: equal exactly for rows of equal text."""
    return pc.binary_join_element_wise(*table.drop_columns("label").columns, "\x00")
