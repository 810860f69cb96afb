"""Divides a batch over the ranks of a data-parallel job: whole documents, balanced by tokens.

The mean loss of the batch is the sum of the ranks' mean losses, each weighted by the rank's ``share`` of the documents,
or of the masked words.
Shapes: N packed tokens, P pieces, B documents, M masked words; all of the whole batch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from bertfit.batching.example_order import Array
from bertfit.batching.packing import Batch, MaskedBatch, PackedRow

R = TypeVar("R", bound=PackedRow)


def partition_by_tokens(tokens: Array, size: int) -> list[Array]:
    """The documents of each of ``size`` ranks, ascending; ``tokens`` (B,) are the documents' lengths.

    Greedy: the longest first, each to the rank with the fewest tokens so far.
    """
    load = np.zeros(size, np.int64)
    owner = np.empty(len(tokens), np.int64)
    for document in np.argsort(-tokens, kind="stable"):
        owner[document] = load.argmin()
        load[owner[document]] += tokens[document]
    return [np.flatnonzero(owner == rank) for rank in range(size)]


def part(batch: R, rank: int, size: int) -> R:
    """The part of ``batch`` for rank ``rank`` of ``size``.

    A rank without documents gets the first one with a share of 0, so that it takes part in the reductions.
    """
    if size == 1:
        return batch
    documents = batch.documents if isinstance(batch, Batch) else np.arange(len(batch.lengths))  # (P,)
    count = int(documents.max()) + 1
    assigned = partition_by_tokens(np.bincount(documents, batch.lengths).astype(np.int64), size)[rank]
    share = len(assigned) / count
    chosen = assigned if len(assigned) else np.array([0])
    pieces = np.isin(documents, chosen)  # (P,)
    tokens = np.repeat(pieces, batch.lengths)  # (N,)
    cut: dict[str, Any] = {
        "input_ids": batch.input_ids[tokens],
        "token_types": batch.token_types[tokens],
        "position_ids": batch.position_ids[tokens],
        "lengths": batch.lengths[pieces],
        "share": share,
    }
    if isinstance(batch, Batch):
        cut["documents"] = np.searchsorted(chosen, documents[pieces])
        cut |= {"labels": batch.labels[chosen], "examples": batch.examples[chosen]}
    if isinstance(batch, MaskedBatch):
        words = tokens[batch.masked]  # (M,)
        cut["masked"] = (np.cumsum(tokens) - 1)[batch.masked[words]]
        cut |= {"targets": batch.targets[words], "random_next": batch.random_next[chosen]}
        cut["masked_share"] = words.mean() if share else 0.0
    return replace(batch, **cut)
