"""Attention as masked batched matrix products over documents of similar length, with dropout on the weights.

One gather copies the head rows of all documents into padded groups, another one copies them back; the backward pass of
each is the other's gather (autograd would scatter, several times as slow). Padding has weight zero and is never read,
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

from bertfit.batching.transfer import to_device

SHORT = 64  # documents up to this length share a group: padding costs less than further calls
MAX_RATIO = 1.2  # longest to shortest document of a group of longer ones


@dataclass(frozen=True)
class Groups:
    """The positions of the head rows (N * H, C) of a packed row in padded groups (G, H, W, C)."""

    shapes: list[tuple[int, int, int]]
    """(G, H, W) of each group."""
    biases: list[Tensor | None]
    """(G, 1, 1, W) of each group: 0 at tokens, -inf at padding; None if there is no padding."""
    pad_index: Tensor
    """(P,) int64: the head row of each place; at padding an arbitrary row."""
    unpad_index: Tensor
    """(N * H,) int64: the place of each head row."""


def runs(lengths: Sequence[int]) -> list[list[int]]:
    """Consecutive ``lengths`` grouped by similar length; least padding if they are sorted."""
    grouped: list[list[int]] = []
    for length in lengths:
        run = grouped[-1] if grouped else []
        low, high = min([length, *run]), max([length, *run])
        if run and high <= max(SHORT, MAX_RATIO * low):
            run.append(length)
        else:
            grouped.append([length])
    return grouped


def groups(lengths: Sequence[int], heads: int, device: torch.device) -> Groups:
    """The `Groups` of documents of these lengths, formed by `runs`."""
    shapes, biases, pad, unpad = [], [], [], []
    rows = places = 0
    for run in runs(lengths):
        count, width = len(run), max(run)
        real = np.arange(width) < np.array(run)[:, None]  # (G, W)
        token = np.zeros((count, width), np.int64)
        token[real] = rows + np.arange(sum(run))
        place = places + np.arange(count * heads * width).reshape(count, heads, width)
        shapes.append((count, heads, width))
        pad.append((token[:, None] * heads + np.arange(heads)[:, None]).reshape(-1))
        unpad.append(place.transpose(0, 2, 1)[real].reshape(-1))
        biases.append(None if real.all() else np.where(real, np.float32(0), np.float32("-inf"))[:, None, None])
        rows += sum(run)
        places += place.size
    masks = [None if bias is None else to_device(bias, device) for bias in biases]
    return Groups(shapes, masks, to_device(np.concatenate(pad), device), to_device(np.concatenate(unpad), device))


def near(width: int, window: int | None, device: torch.device) -> Tensor | None:
    """(W, W): which of ``width`` tokens are at most ``window`` tokens apart; None if all are, or without a window."""
    if window is None or width <= window + 1:
        return None
    places = torch.arange(width, device=device)
    return (places[:, None] - places).abs() <= window


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scaling: float,
    groups: Groups,
    dropout: Callable[[Tensor], Tensor],
    window: int | None = None,
) -> Tensor:
    """Attention output (1, N, H, C) of ``query``, ``key``, ``value`` (1, H, N, C); ``dropout`` acts on the weights.

    With a ``window``, tokens attend to those of their document that are at most so many tokens away.
    """
    heads, channels = query.shape[1], query.shape[3]
    sizes = [count * heads * width for count, _, width in groups.shapes]
    rows = (states.transpose(1, 2).reshape(-1, channels) for states in (query * scaling, key, value))  # views
    parts = (_Pad.apply(states, groups.pad_index, groups.unpad_index).split(sizes) for states in rows)
    out = []
    for shape, bias, *group in zip(groups.shapes, groups.biases, *parts, strict=True):
        q, k, v = (part.view(*shape, channels) for part in group)
        scores = q @ k.transpose(2, 3)
        if bias is not None:
            scores += bias
        if (band := near(shape[2], window, scores.device)) is not None:
            # Finite, as a row of padding may have nothing but padding near it: its weights would not be numbers.
            scores = scores.masked_fill(~band, torch.finfo(scores.dtype).min)
        out.append((dropout(scores.softmax(-1)) @ v).view(-1, channels))
    return _Unpad.apply(torch.cat(out), groups.unpad_index).view(1, -1, heads, channels)


class _Pad(torch.autograd.Function):
    """Rows to padded places. Padding has no gradient, so each row's gradient is that of its place."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, pad_index: Tensor, unpad_index: Tensor) -> Tensor:
        ctx.save_for_backward(unpad_index)
        return rows.index_select(0, pad_index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.saved_tensors[0]), None, None


class _Unpad(torch.autograd.Function):
    """Rows from padded places; padding is not read, so its gradient is zero."""

    @staticmethod
    def forward(ctx: Any, places: Tensor, unpad_index: Tensor) -> Tensor:
        ctx.save_for_backward(unpad_index)
        ctx.shape = places.shape
        return places.index_select(0, unpad_index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].new_zeros(ctx.shape).index_copy_(0, ctx.saved_tensors[0], gradients[0]), None
