"""Plain twins of the fast paths: what the literature writes down, with no regard to speed."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


def padded(bert, pieces: Sequence[tuple[np.ndarray, np.ndarray]]):
    """Hugging Face's own forward on a padded batch with a mask and eager attention, all hidden states included."""
    bert = copy.deepcopy(bert)
    bert.set_attn_implementation("eager")
    width = max(len(ids) for ids, _ in pieces)
    rows = [
        torch.tensor(np.stack([np.pad(piece[k].astype(int), (0, width - len(piece[0]))) for piece in pieces]))
        for k in (0, 1)
    ]
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in pieces])
    return bert, bert(rows[0], token_type_ids=rows[1], attention_mask=mask, output_hidden_states=True)


def attend(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Tensor:
    """(1, H, N, C) -> (1, N, H, C): softmax(q k / sqrt(C)) v with a block mask over the whole row."""
    document = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5
    scores = scores.masked_fill(document[:, None] != document, float("-inf"))
    return (scores.softmax(-1) @ value).transpose(1, 2)


def jagged(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], *, scaling: float, dropout: float
) -> Tensor:
    """(1, H, N, C) -> (1, N, H, C): torch's public way to variable length with dropout."""
    ends = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32, device=query.device)
    extremes = {"min_seqlen": min(lengths), "max_seqlen": max(lengths)}
    rows = (
        torch.nested.nested_tensor_from_jagged(each[0].transpose(0, 1), ends, **extremes).transpose(1, 2)
        for each in (query, key, value)
    )
    mixed = nn.functional.scaled_dot_product_attention(*rows, dropout_p=dropout, scale=scaling)
    return mixed.transpose(1, 2).values()[None]


def by_name(model: nn.Module) -> dict[str, Tensor]:
    """Gradients of the parameters that have one."""
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def pool(kind: str, rows: Tensor, model: nn.Module) -> Tensor:
    """(K, D) fractions of one document -> (D,), as record and paper have it."""
    if kind == "hier-max":
        return rows.max(0).values
    if kind == "hier-attention":
        hidden, _, score = model.attend
        weights = torch.softmax(score(torch.tanh(hidden(rows))), dim=0)
        return (weights * rows).sum(0)
    return rows.mean(0)


class BertAdam:
    """The official update, a scalar expression a line; clipping included."""

    def __init__(self, weight: Tensor) -> None:
        self.m, self.v = torch.zeros_like(weight), torch.zeros_like(weight)

    def step(self, weight: Tensor, gradient: Tensor, lr: float, decay: float, scale: float = 1.0) -> Tensor:
        gradient = gradient * scale
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        return weight - lr * (self.m / (self.v.sqrt() + 1e-6) + decay * weight)


def clip_scale(norm: Tensor, max_norm: float) -> float:
    """The factor of torch's clip_grad_norm_."""
    return min(1.0, max_norm / (float(norm) + 1e-6))
