"""BERT on packed batches: the classifier with its pooling, the pre-training heads.

The modules are Hugging Face's own, so weights, names and numerics are theirs. Heads read single rows of the last layer
([CLS], masked words), so its output projection and feed-forward are computed at these rows only, exactly.
Shapes: N packed tokens, P pieces, B documents, K fractions of a document, M masked words, R rows, D width, V
vocabulary.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit import attention
from bertfit.dropout import Dropout, Noise, install
from bertfit.spec import Finetune, Pretrain

if TYPE_CHECKING:  # costs seconds: left to the functions that need it
    from transformers import BertForPreTraining, BertModel

    from bertfit.batches import Batch, MaskedBatch, Row

ATTENTION_WIDTH = 128  # hierarchical self-attention, modeling_last_concat_avg.py:406 of the official code


def encode(bert: BertModel, batch: Row, rows: Tensor) -> Tensor:
    """(R, D): hidden states of the last layer at ``rows`` (R,) of the packed row."""
    device = rows.device
    ids, types, places = (
        torch.from_numpy(each).to(device, non_blocking=True)[None]
        for each in (batch.input_ids, batch.token_types, batch.position_ids)
    )
    packing = attention.Packing(batch.lengths.tolist(), device)
    hidden = bert.embeddings(input_ids=ids, token_type_ids=types, position_ids=places)
    *body, last = bert.encoder.layer
    for layer in body:
        hidden = layer(hidden, None, packing=packing)
    context, _ = last.attention.self(hidden, None, packing=packing)
    attended = last.attention.output(context.index_select(1, rows), hidden.index_select(1, rows))
    return last.feed_forward_chunk(attended)[0]


class Classifier(nn.Module):
    """Encoder -> last-layer [CLS] -> (pooled over fractions) -> dropout -> Linear: section 3, ``--layers 11``.

    The encoder is copied: several classifiers can start from the same one. The head's weights are drawn from ``seed``.
    """

    def __init__(self, encoder: BertModel, labels: int, recipe: Finetune, seed: int) -> None:
        super().__init__()
        self.noise = Noise()
        self.encoder = copy.deepcopy(encoder)
        install(self.encoder, self.noise, hidden=recipe.dropout, attention=recipe.attention_dropout)
        width = self.encoder.config.hidden_size
        self.pooling = recipe.truncation
        self.attend = (
            nn.Sequential(nn.Linear(width, ATTENTION_WIDTH), nn.Tanh(), nn.Linear(ATTENTION_WIDTH, 1))
            if self.pooling == "hier-attention"
            else None
        )
        self.dropout = Dropout(recipe.dropout, self.noise)
        self.output = nn.Linear(width, labels)
        draw = torch.Generator().manual_seed(seed)
        for linear in [self.output, *(self.attend or [])]:
            if isinstance(linear, nn.Linear):
                nn.init.normal_(linear.weight, std=recipe.head_init, generator=draw)
                nn.init.zeros_(linear.bias)

    def forward(self, batch: Batch) -> Tensor:
        """(B, labels): logits in the order of ``batch.labels``."""
        device = self.output.weight.device
        pieces = np.bincount(batch.documents, minlength=len(batch.labels))
        real = np.arange(pieces.max()) < pieces[:, None]  # (B, K)
        order = np.argsort(batch.documents, kind="stable")
        starts, places, mask = (
            torch.from_numpy(each).to(device) for each in (batch.starts[order], np.flatnonzero(real), real)
        )
        first = encode(self.encoder, batch, starts)  # (P, D), by document
        fractions = first.new_zeros(real.size, first.shape[1]).index_copy(0, places, first)
        return self.output(self.dropout(self._pool(fractions.view(*real.shape, -1), mask[..., None])))

    def _pool(self, fractions: Tensor, real: Tensor) -> Tensor:
        """(B, K, D) and the mask (B, K, 1) of real fractions -> (B, D)."""
        if self.attend is not None:
            weights = self.attend(fractions).masked_fill(~real, float("-inf")).softmax(1)
            return (weights * fractions).sum(1)
        if self.pooling == "hier-max":
            return fractions.masked_fill(~real, float("-inf")).amax(1)
        return fractions.sum(1) / real.sum(1)  # hier-mean; a single fraction is its own mean


class Pretrainer(nn.Module):
    """BERT with its MLM and NSP heads; the MLM head is computed at the masked words only."""

    def __init__(self, model: BertForPreTraining, pretrain: Pretrain) -> None:
        super().__init__()
        self.noise = Noise()
        self.model = model
        install(model, self.noise, hidden=pretrain.dropout, attention=pretrain.attention_dropout)

    def forward(self, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
        """MLM logits (M, V) at the masked words and NSP logits (B, 2), where 1 is a random next."""
        device = self.model.device
        rows = torch.from_numpy(np.concatenate([batch.starts, batch.masked])).to(device)
        states = encode(self.model.bert, batch, rows)
        first, masked = states.split([len(batch.starts), len(batch.masked)])
        assert self.model.bert.pooler is not None
        pooled = self.model.bert.pooler(first[:, None])  # it takes the first word of each row of a padded batch
        return self.model.cls.predictions(masked), self.model.cls.seq_relationship(pooled)


def pretraining_scores(words: Tensor, follows: Tensor, batch: MaskedBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of MLM logits (M, V) and NSP logits (B, 2): both mean losses, and how many answers are right in each."""
    targets, random_next = (torch.from_numpy(each).to(words.device) for each in (batch.targets, batch.random_next))
    losses = functional.cross_entropy(words.float(), targets), functional.cross_entropy(follows.float(), random_next)
    return *losses, (words.argmax(1) == targets).sum(), (follows.argmax(1) == random_next).sum()
