"""BERT on packed batches: the classifier with its layers and pooling, the pre-training heads.

Heads use single rows of the hidden states ([CLS], masked words), so the output projection and feed-forward of the
highest layer are computed at these rows only, exactly; layers above it are not computed.
Shapes: N packed tokens, B documents, K fractions of a document, M masked words, R rows, D width of the
encoder, W width of the vector of a document, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.attention import packed_attention
from bertfit.batching.model_inputs import DocumentInputs, MaskedInputs, RowInputs, documents, instances, on_device
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.recipe_semantics import layer_numbers
from bertfit.model.bert import Bert, PretrainingBert
from bertfit.model.dropout import Dropout, Noise, install

if TYPE_CHECKING:
    from bertfit.batching.packing import Batch, MaskedBatch

ATTENTION_WIDTH = 128  # hierarchical self-attention, modeling_last_concat_avg.py:406 of the official code


def states(bert: Bert, inputs: RowInputs[Tensor], rows: Tensor, layers: Sequence[int]) -> list[Tensor]:
    """Hidden states (R, D) of each of ``layers`` (ascending) at ``rows`` (R,) of the packed row."""
    ids, types, places = (part[None] for part in (inputs.input_ids, inputs.token_types, inputs.position_ids))
    packing = packed_attention.Packing(inputs.lengths, inputs.boundaries, inputs.longest)
    hidden = bert.embeddings(ids, types, places)
    states_of_layers = []
    *body, highest = bert.encoder.layer[: layers[-1] + 1]
    for number, layer in enumerate(body):
        hidden = layer(hidden, packing)
        if number in layers:
            states_of_layers.append(hidden[0].index_select(0, rows))
    return [*states_of_layers, highest(hidden, packing, rows)[0]]


def encode(bert: Bert, inputs: RowInputs[Tensor]) -> Tensor:
    """(R, D): hidden states of the last layer at ``inputs.rows`` (R,) of the packed row."""
    return states(bert, inputs, inputs.rows, [len(bert.encoder.layer) - 1])[0]


def combined(states: Sequence[Tensor], how: Literal["concat", "mean", "max"]) -> Tensor:
    """(R, W): concatenation from the lowest layer, mean or maximum of the states (R, D) of several layers."""
    if len(states) == 1:
        return states[0]
    if how == "concat":
        return torch.cat(list(states), 1)
    return torch.stack(list(states)).mean(0) if how == "mean" else torch.stack(list(states)).amax(0)


class Reader(nn.Module):
    """Encoder -> [CLS] of the recipe's layers, combined -> pooled over fractions: one vector per document.

    Sections 5.3.1 and 5.3.2, modeling_single_layer.py:410. The encoder is copied, without the layers above the highest
    one used, so several readers can start from it. The ``frozen`` lowest layers and the embeddings get no gradient, so
    that none of their activations is kept for the backward pass; their dropout stays. Raises `UserError` if the recipe
    does not fit the encoder.
    """

    def __init__(self, encoder: Bert, recipe: Finetune) -> None:
        super().__init__()
        self.noise = Noise()
        self.layers = layer_numbers(recipe.layers, len(encoder.encoder.layer))
        self.combine = recipe.combine
        self.pooling = recipe.truncation
        self.encoder = copy.deepcopy(encoder)
        self.encoder.encoder.layer = self.encoder.encoder.layer[: self.layers[-1] + 1]
        self.encoder.config.num_hidden_layers = len(self.encoder.encoder.layer)
        if not recipe.pooler:
            self.encoder.pooler = None
        install(self.encoder, self.noise, hidden=recipe.dropout, attention=recipe.attention_dropout)
        if recipe.frozen:
            for part in (self.encoder.embeddings, *self.encoder.encoder.layer[: recipe.frozen]):
                part.requires_grad_(False)
        self.width = self.encoder.config.hidden_size * (len(self.layers) if self.combine == "concat" else 1)
        self.attend = (
            nn.Sequential(nn.Linear(self.width, ATTENTION_WIDTH), nn.Tanh(), nn.Linear(ATTENTION_WIDTH, 1))
            if self.pooling == "hier-attention"
            else None
        )

    def read(self, inputs: DocumentInputs[Tensor]) -> Tensor:
        """(B, W): document vectors in the order of ``inputs.labels``."""
        first = combined(states(self.encoder, inputs, inputs.rows, self.layers), self.combine)  # (R, W)
        if self.encoder.pooler is not None:
            first = self.encoder.pooler(first)
        fractions = first.new_zeros(inputs.real.numel(), first.shape[1]).index_copy(0, inputs.places.long(), first)
        return self._pool(fractions.view(*inputs.real.shape, -1), inputs.real[..., None] != 0)

    def _pool(self, fractions: Tensor, real: Tensor) -> Tensor:
        """(B, W): pooled fractions (B, K, W); ``real`` (B, K, 1) masks padding."""
        if self.attend is not None:
            weights = self.attend(fractions).masked_fill(~real, float("-inf")).softmax(1)
            return (weights * fractions).sum(1)
        if self.pooling == "hier-max":
            return fractions.masked_fill(~real, float("-inf")).amax(1)
        return (fractions * real).sum(1) / real.sum(1)  # hier-mean; a single fraction is its own mean


class Classifier(Reader):
    """Document vector -> dropout -> linear: section 3, ``--layers 11``; with pooler ``--layers -2``.

    The head's weights are drawn from ``seed``.
    """

    def __init__(self, encoder: Bert, labels: int, recipe: Finetune, seed: int) -> None:
        super().__init__(encoder, recipe)
        self.dropout = Dropout(recipe.dropout, self.noise)
        self.output = nn.Linear(self.width, labels)
        draw([self.output, *(self.attend or [])], recipe.head_init, seed)

    def forward(self, batch: Batch) -> Tensor:
        """(B, labels): logits in the order of ``batch.labels``."""
        return self.logits(on_device(documents(batch), self.encoder.device))

    def logits(self, inputs: DocumentInputs[Tensor]) -> Tensor:
        """(B, labels): logits in the order of ``inputs.labels``, of inputs that are on the device."""
        return self.output(self.dropout(self.read(inputs)))


def draw(modules: Iterable[nn.Module], std: float, seed: int) -> None:
    """Initialise linear modules in their order: weights normal with ``std``, from ``seed``; biases zero."""
    generator = torch.Generator().manual_seed(seed)
    for linear in modules:
        if isinstance(linear, nn.Linear):
            nn.init.normal_(linear.weight, std=std, generator=generator)
            nn.init.zeros_(linear.bias)


class Pretrainer(nn.Module):
    """BERT with its MLM and NSP heads; the MLM head is computed at the masked words only."""

    def __init__(self, model: PretrainingBert, pretrain: Pretrain) -> None:
        super().__init__()
        self.noise = Noise()
        self.model = model
        install(model, self.noise, hidden=pretrain.dropout, attention=pretrain.attention_dropout)

    def forward(self, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
        """MLM logits (M, V) at the masked words and NSP logits (B, 2); class 1 is a random next segment."""
        return self.logits(on_device(instances(batch), self.model.device))

    def logits(self, inputs: MaskedInputs[Tensor]) -> tuple[Tensor, Tensor]:
        """The same of inputs that are on the device."""
        first, masked = encode(self.model.bert, inputs).split([len(inputs.random_next), len(inputs.targets)])
        assert self.model.bert.pooler is not None
        pooled = self.model.bert.pooler(first)
        return self.model.cls.predictions(masked), self.model.cls.seq_relationship(pooled)


def pretraining_scores(
    words: Tensor, follows: Tensor, inputs: MaskedInputs[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean MLM and NSP losses and numbers of correct predictions, from logits (M, V) and (B, 2)."""
    targets, random_next = inputs.targets.long(), inputs.random_next.long()
    losses = functional.cross_entropy(words.float(), targets), functional.cross_entropy(follows.float(), random_next)
    return *losses, (words.argmax(1) == targets).sum(), (follows.argmax(1) == random_next).sum()
