"""Pre-training on packed batches: logits of the heads, losses and what is counted of them.

Shapes: B documents, M masked words, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.batching.model_inputs import MaskedInputs, instances, on_device
from bertfit.config.hyperparameters import Pretrain
from bertfit.model.dropout import Noise
from bertfit.model.packed_encoder import PretrainingModel

if TYPE_CHECKING:
    from bertfit.batching.packing import MaskedBatch


class Pretrainer(nn.Module):
    """An encoder with the heads of its pre-training; the head of masked words is computed at these alone."""

    def __init__(self, model: PretrainingModel, pretrain: Pretrain) -> None:
        super().__init__()
        self.noise = Noise()
        self.model = model
        self.next_sentence = model.next_sentence and pretrain.objective != "mlm"
        model.install_dropout(self.noise, hidden=pretrain.dropout, attention=pretrain.attention_dropout)

    def forward(self, batch: MaskedBatch) -> tuple[Tensor, Tensor | None]:
        """MLM logits (M, V) at the masked words and NSP logits (B, 2), if any; class 1 is a random next segment."""
        return self.logits(on_device(instances(batch), self.model.encoder.device))

    def logits(self, inputs: MaskedInputs[Tensor]) -> tuple[Tensor, Tensor | None]:
        """The same of inputs that are on the device."""
        states = self.model.encoder.last_states(inputs)
        first, masked = states.split([len(inputs.random_next), len(inputs.targets)])
        return self.model.words(masked), self.model.follows(first) if self.next_sentence else None


def pretraining_scores(
    words: Tensor, follows: Tensor | None, inputs: MaskedInputs[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean MLM and NSP losses and numbers of correct predictions, from logits (M, V) and (B, 2); zeros without NSP."""
    targets, random_next = inputs.targets.long(), inputs.random_next.long()
    loss, right = words.float().sum(), (words.argmax(1) == targets).sum()
    if len(targets):  # a rank may have texts of special tokens alone
        loss = functional.cross_entropy(words.float(), targets)
    if follows is None:
        return loss, torch.zeros_like(loss), right, torch.zeros_like(right)
    next_loss = functional.cross_entropy(follows.float(), random_next)
    return loss, next_loss, right, (follows.argmax(1) == random_next).sum()
