"""Attention as masked batched products over documents of near length, with dropout on the weights.

The head rows of all documents are laid into padded groups by one gather, and out of them by another; the way back of
each is the other's gather (autograd would scatter, several times as slow). Padding gets weight zero and is never read,
so its gradient is zero.

Shapes: N packed tokens, H heads, C channels of a head, G documents of a group, W its longest document, P places of all
groups, the sum of G * H * W.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertfit.batching.transfer import moved

SHORT = 64  # documents up to this length are grouped whatever their lengths: the waste is less than the calls saved
WASTE = 1.2  # longer ones while the longest is at most this much longer than the shortest


@dataclass(frozen=True)
class Groups:
    """Where the head rows (N * H, C) of a packed row lie in groups (G, H, W, C)."""

    shapes: list[tuple[int, int, int]]
    """(G, H, W) of each"""
    biases: list[Tensor | None]
    """(G, 1, 1, W) of each: 0 at tokens, -inf at padding; None if there is no padding"""
    spread: Tensor
    """(P,) int64: the head row of each place; at padding some row"""
    collect: Tensor
    """(N * H,) int64: the place of each head row"""


def runs(lengths: Sequence[int]) -> list[list[int]]:
    """Neighbours of near length; few and tight if ``lengths`` are sorted."""
    found: list[list[int]] = []
    for length in lengths:
        run = found[-1] if found else []
        low, high = min([length, *run]), max([length, *run])
        if run and high <= max(SHORT, WASTE * low):
            run.append(length)
        else:
            found.append([length])
    return found


def groups(lengths: Sequence[int], heads: int, device: torch.device) -> Groups:
    """Of documents of these lengths, in `runs`."""
    shapes, biases, spread, collect = [], [], [], []
    rows = places = 0
    for run in runs(lengths):
        count, width = len(run), max(run)
        real = np.arange(width) < np.array(run)[:, None]  # (G, W)
        token = np.zeros((count, width), np.int64)
        token[real] = rows + np.arange(sum(run))
        place = places + np.arange(count * heads * width).reshape(count, heads, width)
        shapes.append((count, heads, width))
        spread.append((token[:, None] * heads + np.arange(heads)[:, None]).reshape(-1))
        collect.append(place.transpose(0, 2, 1)[real].reshape(-1))
        biases.append(None if real.all() else np.where(real, np.float32(0), np.float32("-inf"))[:, None, None])
        rows += sum(run)
        places += place.size
    there = [None if bias is None else moved(bias, device) for bias in biases]
    return Groups(shapes, there, *(moved(np.concatenate(each), device) for each in (spread, collect)))


def attend(
    query: Tensor, key: Tensor, value: Tensor, scaling: float, groups: Groups, dropout: Callable[[Tensor], Tensor]
) -> Tensor:
    """``query``, ``key``, ``value`` (1, H, N, C) -> (1, N, H, C); ``dropout`` acts on the attention weights."""
    heads, channels = query.shape[1], query.shape[3]
    sizes = [count * heads * width for count, _, width in groups.shapes]
    rows = (each.transpose(1, 2).reshape(-1, channels) for each in (query * scaling, key, value))  # views
    parts = (_Spread.apply(each, groups.spread, groups.collect).split(sizes) for each in rows)
    out = []
    for shape, bias, *group in zip(groups.shapes, groups.biases, *parts, strict=True):
        q, k, v = (part.view(*shape, channels) for part in group)
        scores = q @ k.transpose(2, 3)
        if bias is not None:
            scores += bias
        out.append((dropout(scores.softmax(-1)) @ v).view(-1, channels))
    return _Collect.apply(torch.cat(out), groups.collect).view(1, -1, heads, channels)


class _Spread(torch.autograd.Function):
    """Rows to their places. The gradient of padding is zero, so each row's is that of its one place."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, spread: Tensor, collect: Tensor) -> Tensor:
        ctx.save_for_backward(collect)
        return rows.index_select(0, spread)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.saved_tensors[0]), None, None


class _Collect(torch.autograd.Function):
    """Rows from their places; padding, which is not read, has no gradient."""

    @staticmethod
    def forward(ctx: Any, places: Tensor, collect: Tensor) -> Tensor:
        ctx.save_for_backward(collect)
        ctx.shape = places.shape
        return places.index_select(0, collect)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].new_zeros(ctx.shape).index_copy_(0, ctx.saved_tensors[0], gradients[0]), None
