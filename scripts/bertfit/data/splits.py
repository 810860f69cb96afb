"""Which rows of a corpus are kept, or held out for a test: stratified by class, a function of the rows alone.

R rows of a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bertfit.core.errors import UserError

SEED = 20190514  # fixed: a sample or a split is part of the study, not of a run


def stratified(labels: npt.NDArray[np.integer], rows: int, seed: Sequence[int]) -> npt.NDArray[np.int64]:
    """Positions, ascending, of ``rows`` examples: of each class its share, and at least one.

    A function of its arguments only. What a class gives to a smaller sample is part of what it gives to a larger one.
    Raises `ValueError` if ``rows`` is less than the number of classes.
    """
    classes, counts = np.unique(labels, return_counts=True)
    spare = rows - len(classes)
    if spare < 0:
        raise ValueError(f"{rows} rows cannot hold {len(classes)} classes")
    if rows >= len(labels):
        return np.arange(len(labels))
    exact = spare * (counts - 1) / (len(labels) - len(classes))  # beyond the one that each class has
    quota = np.floor(exact).astype(np.int64)
    quota[np.argsort(quota - exact, kind="stable")[: spare - quota.sum()]] += 1  # largest remainders
    chosen = [
        np.random.default_rng([*seed, int(label)]).permutation(np.flatnonzero(labels == label))[: 1 + extra]
        for label, extra in zip(classes, quota, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def held_out(table: pa.Table, share: float, where: str) -> dict[str, pa.Table]:
    """A normalised table (`corpora`) in two: ``train``, and of its distinct texts a ``share`` as ``test``.

    Both keep the order of the rows. Rows of the same text stay together, so that no test text is trained on; every
    class has a text to train on. Raises `UserError`, naming the file ``where``, if there are too few texts.
    """
    codes = (
        keys(table).combine_chunks().dictionary_encode().indices.to_numpy()
    )  # (R,) which distinct text, numbered as they come
    labels = table["label"].to_numpy()
    _, first = np.unique(codes, return_index=True)
    size = max(1, round(share * len(first)))
    try:
        kept = stratified(labels[first], len(first) - size, [SEED, 2])
    except ValueError:
        classes = len(np.unique(labels))
        raise UserError(
            f"{where}: {len(first)} distinct texts of {classes} classes are too few to hold {size} out for a test; "
            "add rows, or give a test file"
        ) from None
    trained = np.isin(codes, kept)
    lost = np.setdiff1d(labels[~trained], labels[trained])  # where one text has several labels
    trained |= np.isin(codes, codes[np.isin(labels, lost)])
    if trained.all():
        raise UserError(f"{where}: no text can be held out for a test; add rows, or give a test file")
    return {"train": table.filter(pa.array(trained)), "test": table.filter(pa.array(~trained))}


def leaks(tables: Mapping[str, pa.Table]) -> pa.ChunkedArray:
    """(R,) which training rows have the text of a test row."""
    return pc.is_in(keys(tables["train"]), value_set=keys(tables["test"]))


def keys(table: pa.Table) -> pa.ChunkedArray:
    """(R,) the text of each row of a normalised table, all its fields together; equal for equal texts."""
    return pc.binary_join_element_wise(*table.drop_columns("label").columns, "\x00")
