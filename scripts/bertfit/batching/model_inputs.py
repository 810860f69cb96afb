"""What a model reads of a batch: small integer arrays, which go to the device in one asynchronous copy.

`documents` and `instances` make them from a batch as it is. The `padded_...` functions bring batches of many sizes to a
few common ones, so that a CUDA graph, whose sizes are fixed, can serve them: sequences without a label fill the row, no
head reads them, and attention stays within sequences, so that loss and gradients are those of the batch as it is.
Shapes: N packed tokens, S sequences, R rows that heads read, B documents, K fractions of a document, M masked words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from bertfit.batching.example_order import Array
from bertfit.batching.packing import Batch, MaskedBatch, PackedRow
from bertfit.batching.transfer import to_device

A = TypeVar("A", Array, Tensor)
IGNORED = -100  # label of no document and target of no word, `ignore_index` of torch's cross-entropy
PER_OCTAVE = 8  # common sizes between a power of two and the next: at most an eighth is padding
SHORT = 32  # common sizes of the longest sequence are the powers of two from here on


@dataclass(frozen=True)
class RowInputs(Generic[A]):
    """Arrays of int32 on the host, or their tensors on a device."""

    input_ids: A
    """(N,)"""
    token_types: A
    """(N,)"""
    position_ids: A
    """(N,)"""
    boundaries: A
    """(S + 1,): the first token of each sequence, and N."""
    rows: A
    """(R,): positions in the packed row of the states that heads read."""
    longest: int = field(kw_only=True)
    """An upper bound of the tokens of a sequence."""
    lengths: Sequence[int] = field(kw_only=True)
    """(S,) tokens of each sequence, for kernels that take them from the host."""
    share: float = field(default=1.0, kw_only=True)
    """Of the whole batch's documents, see `rank_split`."""

    def arrays(self) -> dict[str, Any]:
        """The fields that are arrays or tensors."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray | Tensor)}

    @property
    def sizes(self) -> tuple[Any, ...]:
        """Equal for inputs that one CUDA graph can serve: shapes, and the numbers that are no tensors."""
        arrays: dict[str, Any] = self.arrays()
        numbers: Iterator[Any] = (value for name, value in vars(self).items() if name not in {"lengths", *arrays})
        return (*(array.shape for array in arrays.values()), *numbers)


@dataclass(frozen=True)
class DocumentInputs(RowInputs[A]):
    """Documents to classify. Their [CLS] states are laid into a table of documents and fractions."""

    places: A
    """(R,): the place of each of ``rows`` in the table, document by document."""
    real: A
    """(B, K): 1 where the table holds a fraction, 0 at padding."""
    labels: A
    """(B,): `IGNORED` for documents that only pad the batch."""


@dataclass(frozen=True)
class MaskedInputs(RowInputs[A]):
    """Pre-training instances: ``rows`` are the [CLS] of B instances, then the M masked words."""

    targets: A
    """(M,): original ids; `IGNORED` for words that only pad the batch."""
    random_next: A
    """(B,): 1 where segment B is from another document."""
    masked_share: float = field(default=1.0, kw_only=True)
    """Of the whole batch's masked words."""


def documents(batch: Batch) -> DocumentInputs[Array]:
    """The inputs of a batch as it is."""
    pieces = np.bincount(batch.documents, minlength=len(batch.labels))
    real = np.arange(pieces.max()) < pieces[:, None]
    return DocumentInputs(
        **_row(batch),
        rows=_int32(batch.starts[np.argsort(batch.documents, kind="stable")]),
        places=_int32(np.flatnonzero(real)),
        real=_int32(real),
        labels=_int32(batch.labels),
    )


def instances(batch: MaskedBatch) -> MaskedInputs[Array]:
    """The inputs of a batch as it is."""
    return MaskedInputs(
        **_row(batch),
        rows=_int32(np.concatenate([batch.starts, batch.masked])),
        targets=_int32(batch.targets),
        random_next=_int32(batch.random_next),
        masked_share=batch.masked_share,
    )


def padded_documents(batch: Batch, size: int, fractions: int) -> DocumentInputs[Array]:
    """The inputs of a batch of at most ``size`` documents of at most ``fractions`` fractions, in a common size."""
    inputs = documents(batch)
    real = np.zeros((size, fractions), np.int32)
    real[: len(inputs.real), : inputs.real.shape[1]] = inputs.real
    places = np.flatnonzero(real)
    absent = np.flatnonzero(real == 0)  # the table holds some state at these, too
    real[len(inputs.real) :, 0] = 1  # a document of padding has a fraction, so that its pooled state is finite
    return replace(
        inputs,
        **_padded_row(inputs, size * fractions),
        rows=_filled(inputs.rows, size * fractions, 0),
        places=_int32(np.concatenate([places, absent])),
        real=real,
        labels=_filled(inputs.labels, size, IGNORED),
    )


def padded_instances(batch: MaskedBatch) -> MaskedInputs[Array]:
    """The inputs of a batch in a common size; the number of instances stays."""
    inputs = instances(batch)
    words = common_size(len(inputs.targets))
    return replace(
        inputs,
        **_padded_row(inputs, len(batch.lengths)),
        rows=_filled(inputs.rows, len(batch.lengths) + words, 0),
        targets=_filled(inputs.targets, words, IGNORED),
    )


def common_size(size: int) -> int:
    """The smallest of the common sizes, `PER_OCTAVE` between a power of two and the next, that is at least ``size``."""
    step = max(1, (1 << (size - 1).bit_length()) // (2 * PER_OCTAVE))
    return -(-size // step) * step


def flat(inputs: RowInputs[Array]) -> Array:
    """All arrays one after the other, int32."""
    return np.concatenate([array.ravel() for array in inputs.arrays().values()])


def split(inputs: RowInputs[Array], values: Tensor) -> Any:
    """The inputs, of their class, with views of ``values``, a tensor like the array of `flat`, as tensors."""
    arrays = inputs.arrays()
    parts = values.split([array.size for array in arrays.values()])
    tensors = {name: part.view(array.shape) for part, (name, array) in zip(parts, arrays.items(), strict=True)}
    return replace(inputs, **tensors)


def on_device(inputs: RowInputs[Array], device: torch.device) -> Any:
    """The inputs, of their class, as tensors on ``device``."""
    return split(inputs, to_device(flat(inputs), device))


def _row(batch: PackedRow) -> dict[str, Any]:
    lengths = batch.lengths.tolist()
    return {
        "input_ids": batch.input_ids,
        "token_types": batch.token_types,
        "position_ids": batch.position_ids,
        "boundaries": np.array([0, *np.cumsum(lengths)], np.int32),
        "lengths": lengths,
        "longest": max(lengths),
        "share": batch.share,
    }


def _padded_row(inputs: RowInputs[Array], sequences: int) -> dict[str, Any]:
    """The fields of a row of a common number of tokens, in ``sequences`` sequences and those that fill it."""
    tokens = len(inputs.input_ids)
    size, longest = common_size(tokens), max(SHORT, 1 << (inputs.longest - 1).bit_length())
    gap = size - tokens
    most = -(-(size // PER_OCTAVE) // longest)  # sequences that any gap of this size needs
    fill = [longest] * (gap // longest) + [gap % longest]
    lengths = [*inputs.lengths, *fill, *[0] * (sequences - len(inputs.lengths) + most + 1 - len(fill))]
    return {
        "input_ids": _filled(inputs.input_ids, size, 0),
        "token_types": _filled(inputs.token_types, size, 0),
        "position_ids": _filled(inputs.position_ids, size, 0),  # a longer one might not be in the encoder's table
        "boundaries": np.array([0, *np.cumsum(lengths)], np.int32),
        "lengths": lengths,
        "longest": longest,
    }


def _filled(array: Array, size: int, value: int) -> Array:
    return np.concatenate([array, np.full(size - len(array), value, np.int32)])


def _int32(array: np.ndarray) -> Array:
    return array.astype(np.int32)
