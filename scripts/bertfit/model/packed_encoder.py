"""What classifiers and pre-training ask of an encoder, whatever its family.

Shapes: N packed tokens, R rows, D width, M masked words, V vocabulary, B documents.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from bertfit.batching.model_inputs import RowInputs
from bertfit.encoders.families import Family
from bertfit.model.dropout import Noise

Part = int | Literal["embeddings", "head"]
"""Where a parameter of an encoder is: the number of its layer, below all layers, or above them."""


class Dimensions(Protocol):
    """Sizes of an encoder."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    max_position_embeddings: int
    """Tokens of the longest text."""


class PackedEncoder(nn.Module, ABC):
    """An encoder of texts that are packed into a row without padding."""

    family: Family
    config: Any
    """Has the `Dimensions`, and what its own class needs."""
    pooler: nn.Module | None
    """Linear map and tanh of the state of the first token, where it was trained and is used."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """That of the weights."""

    @abstractmethod
    def states(self, inputs: RowInputs[Tensor], rows: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Hidden states (R, D) of each of ``layers`` (ascending) at ``rows`` (R,) of the packed row."""

    def last_states(self, inputs: RowInputs[Tensor]) -> Tensor:
        """(R, D): hidden states of the last layer at ``inputs.rows`` (R,)."""
        return self.states(inputs, inputs.rows, [self.config.num_hidden_layers - 1])[0]

    @abstractmethod
    def reader(self, depth: int, noise: Noise, *, hidden: float, attention: float) -> PackedEncoder:
        """A copy without the layers above the ``depth`` lowest, whose dropout has these probabilities and ``noise``."""

    @abstractmethod
    def part_of(self, name: str) -> Part:
        """Where the parameter with this name is."""

    @abstractmethod
    def runs_as_graph(self, device: torch.device) -> bool:
        """Whether steps on ``device`` can be CUDA graphs: nothing is read on the host, and padding changes nothing."""

    @property
    def facts(self) -> dict[str, Any]:
        """What a record says of it: family, whether texts are packed or padded in groups, number of weights."""
        parameters = sum(parameter.numel() for parameter in self.parameters())
        return {"family": self.family.model_type, "way": self.family.way, "parameters": parameters}

    def freeze(self, layers: int) -> None:
        """Give embeddings and the ``layers`` lowest layers no gradient, if there are any such layers."""
        for name, parameter in self.named_parameters():
            part = self.part_of(name)
            if layers and (part == "embeddings" or (isinstance(part, int) and part < layers)):
                parameter.requires_grad_(False)


class PretrainingModel(nn.Module, ABC):
    """An encoder with the heads of its pre-training."""

    encoder: PackedEncoder
    next_sentence: bool
    """Whether it has a head of next-sentence prediction."""

    @property
    def config(self) -> Any:
        """That of the encoder."""
        return self.encoder.config

    @property
    def device(self) -> torch.device:
        """That of the weights."""
        return self.encoder.device

    @abstractmethod
    def words(self, hidden: Tensor) -> Tensor:
        """Logits (M, V) of masked words, of their states ``hidden`` (M, D)."""

    def follows(self, first: Tensor) -> Tensor:
        """Logits (B, 2) of next-sentence prediction, of the states ``first`` (B, D) of [CLS].

        For models with ``next_sentence`` alone.
        """
        raise NotImplementedError(f"{self.encoder.family.title} has no head of next-sentence prediction")

    @abstractmethod
    def is_word_head(self, name: str) -> bool:
        """Whether the parameter with this name is one of the head of masked words."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write config.json, and the weights as safetensors, into a folder."""

    @abstractmethod
    def install_dropout(self, noise: Noise, *, hidden: float, attention: float) -> None:
        """Replace every dropout."""


def parts(model: nn.Module) -> Iterator[tuple[nn.Parameter, Part]]:
    """Where each parameter of the encoders in ``model`` is."""
    for module in model.modules():
        if isinstance(module, PackedEncoder):
            for name, parameter in module.named_parameters():
                yield parameter, module.part_of(name)
