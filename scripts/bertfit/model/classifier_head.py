"""A classifier on packed batches: an encoder, its layers that are read, their pooling, a linear head.

Shapes: N packed tokens, B documents, K fractions of a document, R rows, D width of the encoder, W width of the vector
of a document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from bertfit.batching.model_inputs import DocumentInputs, documents, on_device
from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import layer_numbers
from bertfit.model import low_rank
from bertfit.model.dropout import Dropout, Noise
from bertfit.model.packed_encoder import PackedEncoder

if TYPE_CHECKING:
    from bertfit.batching.packing import Batch

ATTENTION_WIDTH = 128  # hierarchical self-attention, modeling_last_concat_avg.py:406 of the official code


def combined(states: Sequence[Tensor], how: Literal["concat", "mean", "max"]) -> Tensor:
    """(R, W): concatenation from the lowest layer, mean or maximum of the states (R, D) of several layers."""
    if len(states) == 1:
        return states[0]
    if how == "concat":
        return torch.cat(list(states), 1)
    return torch.stack(list(states)).mean(0) if how == "mean" else torch.stack(list(states)).amax(0)


class Reader(nn.Module):
    """PackedEncoder -> [CLS] of the recipe's layers, combined -> pooled over fractions: one vector per document.

    Sections 5.3.1 and 5.3.2, modeling_single_layer.py:410. The encoder is copied, without the layers above the highest
    one used, so several readers can start from it. The ``frozen`` lowest layers and the embeddings get no gradient, so
    that none of their activations is kept for the backward pass; their dropout stays. Raises `UserError` if the recipe
    does not fit the encoder.
    """

    def __init__(self, encoder: PackedEncoder, recipe: Finetune) -> None:
        super().__init__()
        self.noise = Noise()
        self.layers = layer_numbers(recipe.layers, encoder.config.num_hidden_layers)
        self.combine = recipe.combine
        self.pooling = recipe.truncation
        depth, dropouts = self.layers[-1] + 1, {"hidden": recipe.dropout, "attention": recipe.attention_dropout}
        self.encoder = encoder.reader(depth, self.noise, **dropouts)
        if not recipe.pooler:
            self.encoder.pooler = None
        self.encoder.freeze(recipe.frozen)
        self.width = self.encoder.config.hidden_size * (len(self.layers) if self.combine == "concat" else 1)
        self.attend = (
            nn.Sequential(nn.Linear(self.width, ATTENTION_WIDTH), nn.Tanh(), nn.Linear(ATTENTION_WIDTH, 1))
            if self.pooling == "hier-attention"
            else None
        )

    def read(self, inputs: DocumentInputs[Tensor]) -> Tensor:
        """(B, W): document vectors in the order of ``inputs.labels``."""
        first = combined(self.encoder.states(inputs, inputs.rows, self.layers), self.combine)  # (R, W)
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

    def __init__(self, encoder: PackedEncoder, labels: int, recipe: Finetune, seed: int) -> None:
        super().__init__(encoder, recipe)
        self.dropout = Dropout(recipe.dropout, self.noise)
        self.output = nn.Linear(self.width, labels)
        draw([self.output, *(self.attend or [])], recipe.head_init, seed)
        if recipe.lora:
            low_rank.adapt(self.encoder, rank=recipe.lora, alpha=recipe.lora_alpha, seed=seed)

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
