"""Reference implementations of the fast paths: the formulas of the literature, without regard to speed."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.model.bert import Bert
from bertfit.model.bert_heads import PretrainingBert
from bertfit.model.classifier_head import Reader


def transformers_model(model: Bert | PretrainingBert, attention: str = "eager") -> Any:
    """The same model as transformers' own: a `BertModel` or a `BertForPreTraining`, in eval mode, without dropout."""
    from transformers import BertConfig, BertForPreTraining, BertModel

    config = BertConfig.from_dict(model.config.to_dict(), attn_implementation=attention)
    if isinstance(model, PretrainingBert):
        same: Any = BertForPreTraining(config)
    else:
        same = BertModel(config, add_pooling_layer=model.pooler is not None)
    same.load_state_dict(model.state_dict())
    for name, parameter in model.named_parameters():
        same.get_parameter(name).requires_grad_(parameter.requires_grad)
    return same.to(model.device).eval()


def padded(bert, pieces: Sequence[tuple[np.ndarray, np.ndarray]]):
    """Hugging Face's own forward on a padded batch: mask, eager attention, no dropout; all hidden states."""
    bert = transformers_model(bert)
    width = max(len(ids) for ids, _ in pieces)
    rows = [
        torch.tensor(np.stack([np.pad(piece[k].astype(int), (0, width - len(piece[0]))) for piece in pieces]))
        for k in (0, 1)
    ]
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in pieces])
    ids, types, mask = (each.to(bert.device) for each in (*rows, mask))
    return bert, bert(ids, token_type_ids=types, attention_mask=mask, output_hidden_states=True)


def classified(model, corpus, examples: Sequence[int], recipe):
    """A copy of a `classifier.Classifier`, and its logits (B, labels) from the padded forward."""
    plain = copy.deepcopy(model)
    cut = [truncated(corpus.ids(i).tolist(), None, recipe, corpus.cls, corpus.sep) for i in examples]
    pieces = [(np.array(ids), np.array(types)) for fractions in cut for ids, types in fractions]
    plain.encoder, out = padded(model.encoder, pieces)
    first = out.last_hidden_state[:, 0].split([len(fractions) for fractions in cut])
    return plain, torch.stack([plain.output(pool(recipe.truncation, rows, plain)) for rows in first])


def pretrained(model, batch):
    """A copy of a `BertForPreTraining`, MLM logits (N, V) at all words from the padded forward, NSP logits (B, 2)."""
    bounds = np.split(np.arange(batch.tokens), batch.starts[1:])
    plain, out = padded(model, [(batch.input_ids[rows], batch.token_types[rows]) for rows in bounds])
    words = torch.cat([row[:length] for row, length in zip(out.prediction_logits, batch.lengths, strict=True)])
    return plain, words, out.seq_relationship_logits


def pretraining_losses(words: Tensor, follows: Tensor, batch) -> tuple[Tensor, Tensor]:
    """MLM loss over all N words, of which those that are not masked are ignored; NSP loss."""
    labels = torch.full((batch.tokens,), -100, device=words.device)
    labels[torch.from_numpy(batch.masked)] = torch.from_numpy(batch.targets).to(words.device)
    random_next = torch.from_numpy(batch.random_next).to(words.device)
    return functional.cross_entropy(words, labels, ignore_index=-100), functional.cross_entropy(follows, random_next)


def whole(bert, batch):
    """A copy of an encoder, and the states (N, D) of a packed batch at all tokens from the padded forward."""
    bounds = np.split(np.arange(batch.tokens), batch.starts[1:])
    plain, out = padded(bert, [(batch.input_ids[rows], batch.token_types[rows]) for rows in bounds])
    return plain, torch.cat([row[:length] for row, length in zip(out.last_hidden_state, batch.lengths, strict=True)])


def attend(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], window: int | None = None) -> Tensor:
    """(1, H, N, C) -> (1, N, H, C): softmax(q k / sqrt(C)) v with a block mask over the whole row."""
    document = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)).to(query.device)
    scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5
    hidden = document[:, None] != document
    if window is not None:
        places = torch.arange(len(document), device=query.device)
        hidden |= (places[:, None] - places).abs() > window
    scores = scores.masked_fill(hidden, float("-inf"))
    return (scores.softmax(-1) @ value).transpose(1, 2)


def jagged(
    query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], *, scaling: float, dropout: float
) -> Tensor:
    """(1, H, N, C) -> (1, N, H, C): torch's public way to variable length with dropout."""
    ends = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32, device=query.device)

    def nested(packed: Tensor) -> Tensor:
        """(1, H, N, C) -> (documents, H, length of each, C)"""
        by_token = packed[0].transpose(0, 1)
        rows = torch.nested.nested_tensor_from_jagged(by_token, ends, min_seqlen=min(lengths), max_seqlen=max(lengths))
        return rows.transpose(1, 2)

    mixed = functional.scaled_dot_product_attention(
        nested(query), nested(key), nested(value), dropout_p=dropout, scale=scaling
    )
    return mixed.transpose(1, 2).values()[None]


def by_name(model: nn.Module) -> dict[str, Tensor]:
    """Gradients of the parameters that have one."""
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def pool(kind: str, rows: Tensor, model: Reader) -> Tensor:
    """(K, D) fractions of one document -> (D,), as record and paper have it."""
    if kind == "hier-max":
        return rows.max(0).values
    if kind == "hier-attention":
        assert model.attend is not None
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


class Dropped(nn.Dropout):
    """torch's dropout in training, with the keep mask that ours draws."""

    def __init__(self, p: float, noise) -> None:
        super().__init__(p)
        self.noise = noise

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 - p) where it is kept, else 0."""
        return torch.where(self.noise.keep(input.shape, self.p) > 0, input / (1 - self.p), 0)


def truncated(ids: list[int], pair: list[int] | None, recipe, cls: int, sep: int) -> list[tuple[list[int], list[int]]]:
    """Ids and types of each sequence of one example, by the list operations of the official code."""
    body = recipe.max_length - 2
    if pair:  # not where it is empty
        first, second = ids[:], pair[:]
        while len(first) + len(second) > body - 1:
            (first if len(first) > len(second) else second).pop()
        types = [0] * (len(first) + 2) + [1] * (len(second) + 1)
        return [([cls, *first, sep, *second, sep], types)]
    if recipe.truncation.startswith("hier-"):
        parts = [ids[start : start + body] for start in range(0, max(1, len(ids)), body)][: recipe.fractions]
    elif len(ids) <= body:
        parts = [ids]
    else:
        head = {"head": body, "tail": 0, "head+tail": recipe.head_tokens}[recipe.truncation]
        parts = [ids[:head] + ids[len(ids) - (body - head) :]]
    return [([cls, *part, sep], [0] * (len(part) + 2)) for part in parts]
