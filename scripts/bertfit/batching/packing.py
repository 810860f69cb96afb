"""Packs the examples of a step into a batch without padding.

Shapes: N packed tokens of a batch, P sequences (one per document, or its fractions), B documents, M masked words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bertfit.batching.example_order import Array
from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import most_fractions
from bertfit.tokens.truncation import truncate

if TYPE_CHECKING:
    from bertfit.tokens.instance_file import Instances
    from bertfit.tokens.token_file import Tokens

BATCH_TOKENS = {"cpu": 4096, "cuda": 65536}  # of a batch without gradients; on a CPU it should fit into the cache


@dataclass(frozen=True)
class PackedRow:
    """Concatenated sequences, the shortest first, so that attention can group similar lengths."""

    input_ids: Array
    """(N,) int32."""
    token_types: Array
    """(N,) int32: 0 in the first segment, 1 in the second."""
    position_ids: Array
    """(N,) int32, from 0 in each sequence."""
    lengths: Array
    """(P,) tokens of each sequence, ascending."""
    share: float = field(default=1.0, kw_only=True)
    """Share of the whole batch's documents; see `rank_split`."""

    @property
    def tokens(self) -> int:
        """N, the number of tokens."""
        return len(self.input_ids)

    @property
    def starts(self) -> Array:
        """(P,) position of each sequence's [CLS] in the row."""
        return np.cumsum(self.lengths) - self.lengths


@dataclass(frozen=True)
class Batch(PackedRow):
    """Documents, each of one sequence or several fractions."""

    documents: Array
    """(P,) the document of the batch to which a sequence belongs."""
    labels: Array
    """(B,) int64."""
    examples: Array
    """(B,) rows of the corpus."""


@dataclass(frozen=True)
class MaskedBatch(PackedRow):
    """Pre-training instances; P = B."""

    masked: Array
    """(M,) int64: masked positions in the row."""
    targets: Array
    """(M,) int64: the original ids at these positions."""
    random_next: Array
    """(B,) int64: 1 where segment B is from another document."""
    masked_share: float = field(default=1.0, kw_only=True)
    """Share of the whole batch's masked words."""


def collate(corpus: Tokens, examples: Sequence[int] | Array, recipe: Finetune) -> Batch:
    """Truncate and pack ``examples``, rows of ``corpus`` in the order of the batch's documents."""
    pieces = []
    documents = []
    for document, example in enumerate(examples):
        text, pair = corpus.ids(example), corpus.pair(example)
        segments = truncate(text, pair, recipe, corpus.cls, corpus.sep, corpus.separators)
        pieces += segments
        documents += [document] * len(segments)
    lengths = np.array([len(ids) for ids, _ in pieces])
    ascending = np.argsort(lengths, kind="stable")
    pieces = [pieces[i] for i in ascending]
    rows = np.asarray(examples, dtype=np.int64)
    return Batch(
        input_ids=np.concatenate([ids for ids, _ in pieces]).astype(np.int32),
        token_types=np.concatenate([types for _, types in pieces]).astype(np.int32),
        position_ids=positions(lengths[ascending]),
        lengths=lengths[ascending],
        documents=np.array(documents)[ascending],
        labels=np.asarray(corpus.labels)[rows].astype(np.int64),
        examples=rows,
    )


def lengths(corpus: Tokens, recipe: Finetune) -> npt.NDArray[np.int64]:
    """(documents,) tokens of each document as packed by `collate`, with special tokens and all fractions."""
    texts = np.diff(corpus.offsets).astype(np.int64)
    body = recipe.max_length - 2
    most = most_fractions(recipe.truncation, recipe.fractions)
    pieces = np.clip(-(-texts // body), 1, most)
    single = np.minimum(texts, pieces * body) + 2 * pieces
    if corpus.pair_offsets is None:
        return single
    seconds = np.diff(corpus.pair_offsets)
    return np.where(seconds > 0, np.minimum(texts + seconds + 2 + corpus.separators, recipe.max_length), single)


def positions(lengths: Array) -> Array:
    """(N,) int32: 0, 1, ... in each sequence of these lengths."""
    starts = np.cumsum(lengths) - lengths
    return (np.arange(lengths.sum()) - np.repeat(starts, lengths)).astype(np.int32)


def by_length(lengths: Array, budget: int) -> list[Array]:
    """Indices in batches of similar length, at most ``budget`` tokens (but at least one index) each, shortest first."""
    ascending = np.argsort(lengths, kind="stable")
    batches: list[list[int]] = [[]]
    filled = 0
    for i in ascending:
        if batches[-1] and filled + lengths[i] > budget:
            batches.append([])
            filled = 0
        batches[-1].append(i)
        filled += int(lengths[i])
    return [np.array(batch, dtype=np.int64) for batch in batches]


def collate_masked(instances: Instances, numbers: Sequence[int] | Array) -> MaskedBatch:
    """Pack the pre-training instances with these numbers."""
    batch = sorted((instances.get(int(number)) for number in numbers), key=lambda instance: len(instance.ids))
    lengths = np.array([len(instance.ids) for instance in batch])
    starts = np.cumsum(lengths) - lengths
    places = positions(lengths)
    first = np.repeat([instance.a_length for instance in batch], lengths)
    return MaskedBatch(
        input_ids=np.concatenate([instance.ids for instance in batch]).astype(np.int32),
        token_types=(places >= first).astype(np.int32),
        position_ids=places,
        lengths=lengths,
        masked=np.concatenate([start + instance.positions for start, instance in zip(starts, batch, strict=True)]),
        targets=np.concatenate([instance.labels for instance in batch]).astype(np.int64),
        random_next=np.array([instance.random_next for instance in batch], dtype=np.int64),
    )
