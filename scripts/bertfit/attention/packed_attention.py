"""Attention inside each document of a packed row.

A packed row is the concatenation of a batch's documents, without padding. Only attention combines tokens, so only this
function needs the documents' boundaries. Three implementations, equal up to rounding:

- no attention dropout on a CPU: `scaled_dot_product_attention` (its flash kernel), one call for consecutive documents
  of equal length. Forward and backward on one core, two heads of 32: 12 documents of 64 tokens 1.1 ms instead of 1.3 to
  1.4 in single calls, 32 of 40 tokens 1.7 instead of 2.3; twelve heads gain nothing. Documents of different lengths are
  not padded to share a call: with a mask, 24 of 8 to 64 tokens took 2.6 ms instead of 1.9 (twelve heads: 18.7 instead
  of 11.4), and where it was faster (two heads, up to 32 tokens: 0.9 instead of 1.1) twelve heads lost 40 percent;
- attention dropout on a CPU, which that kernel lacks: padded groups of documents of similar length
  (`grouped_attention`) with `dropout`, 1.3 to 3 times as fast as the per-document kernel's dropout path;
- CUDA in half precision, from Ampere on: a variable-length kernel with dropout (`flash_attention`); elsewhere on CUDA
  padded groups.

Shapes: N packed tokens, H heads, C channels of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.attention import flash_attention, grouped_attention
from bertfit.attention.grouped_attention import Groups
from bertfit.batching.transfer import to_device


@dataclass(frozen=True)
class Packing:
    """The documents' positions in a packed row; computed once per batch and used by every layer."""

    lengths: Sequence[int]
    """Tokens of each document, which may be 0. CUDA's kernels take ``boundaries`` and ``longest`` instead."""
    boundaries: Tensor
    """(documents + 1,) int32 on the device: the first token of each document, and N."""
    longest: int
    """An upper bound of ``lengths``."""
    _groups: dict[int, Groups] = field(default_factory=dict)

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Packing:
        """From the documents' lengths alone."""
        return cls(lengths, to_device(np.array([0, *np.cumsum(lengths)], np.int32), device), max(lengths))

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """(length, number of documents) of each run of consecutive documents of equal length."""
        return [(length, len(list(run))) for length, run in groupby(self.lengths) if length]

    def groups(self, heads: int) -> Groups:
        """Padded groups for `grouped_attention`; computed once for all layers."""
        if heads not in self._groups:
            lengths = [length for length in self.lengths if length]
            self._groups[heads] = grouped_attention.groups(lengths, heads, self.boundaries.device)
        return self._groups[heads]


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    *,
    scaling: float,
    dropout: nn.Dropout,
    window: int | None = None,
) -> Tensor:
    """(1, N, H, C), of three tensors (1, H, N, C); ``dropout`` acts on the weights of attention.

    With a ``window``, tokens attend to those of their document that are at most so many tokens away.
    """
    p = dropout.p if dropout.training else 0.0
    if flash_attention.usable(query):
        places = packing.boundaries, packing.longest
        return flash_attention.attend(query, key, value, *places, scaling=scaling, dropout=p, window=window)
    if p or query.is_cuda:
        captured = query.is_cuda and torch.cuda.is_current_stream_capturing()
        assert not captured, "a CUDA graph would keep the lengths of its first batch"
        return grouped_attention.attend(query, key, value, scaling, packing.groups(query.shape[1]), dropout, window)
    return _equal_lengths(query, key, value, scaling, packing.runs, window)


def _equal_lengths(
    query: Tensor, key: Tensor, value: Tensor, scaling: float, runs: list[tuple[int, int]], window: int | None
) -> Tensor:
    """Attention output (1, N, H, C), with one kernel call per run of equal lengths."""
    sizes = [length * count for length, count in runs]
    out = []
    for (length, count), *parts in zip(
        runs, *(states.split(sizes, dim=2) for states in (query, key, value)), strict=True
    ):
        if count > 1:  # (1, H, count * length, C) -> (count, H, length, C), a view
            parts = [part[0].unflatten(1, (count, length)).transpose(0, 1) for part in parts]
        q, k, v = parts
        near = grouped_attention.near(length, window, query.device)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=near, scale=scaling).transpose(1, 2)
        out.append(mixed if count == 1 else mixed.flatten(0, 1)[None])
    return torch.cat(out, dim=1)
