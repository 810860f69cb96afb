"""BERT (Devlin et al. 2019) on packed rows; weights have the names, and results the bits, of transformers' BERT.

transformers' own modules are not used: importing them loads torch's compiler, its distributed tensors and
scipy.optimize, four seconds of processor time in every job (docs/explanation/performance.md).
Shapes: N packed tokens, D width, H heads, C channels of a head, I width of the feed-forward part, V vocabulary, R rows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.attention import flash_attention, packed_attention
from bertfit.attention.packed_attention import Packing
from bertfit.batching.model_inputs import RowInputs
from bertfit.config.encoder_schema import Shape
from bertfit.encoders import families
from bertfit.model import dropout
from bertfit.model.dropout import Noise
from bertfit.model.packed_encoder import PackedEncoder, Part

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_new": partial(functional.gelu, approximate="tanh"),
    "gelu_pytorch_tanh": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
    "silu": functional.silu,
}


class BertConfig:
    """The content of config.json; keys that it lacks have the values of BERT-base.

    Raises ValueError for an activation function that is not in `ACTIVATIONS`, and for a width that is no multiple of
    the number of heads.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = dict(content)
        self.vocab_size: int = content.get("vocab_size", 30522)
        self.hidden_size: int = content.get("hidden_size", 768)
        self.num_hidden_layers: int = content.get("num_hidden_layers", 12)
        self.num_attention_heads: int = content.get("num_attention_heads", 12)
        self.intermediate_size: int = content.get("intermediate_size", 3072)
        self.hidden_act: str = content.get("hidden_act", "gelu")
        self.hidden_dropout_prob: float = content.get("hidden_dropout_prob", 0.1)
        self.attention_probs_dropout_prob: float = content.get("attention_probs_dropout_prob", 0.1)
        self.max_position_embeddings: int = content.get("max_position_embeddings", 512)
        self.type_vocab_size: int = content.get("type_vocab_size", 2)
        self.layer_norm_eps: float = content.get("layer_norm_eps", 1e-12)
        self.pad_token_id: int | None = content.get("pad_token_id", 0)
        self.tie_word_embeddings: bool = content.get("tie_word_embeddings", True)
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act={self.hidden_act!r} is none of {', '.join(ACTIVATIONS)}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(f"hidden_size={self.hidden_size} is no multiple of {self.num_attention_heads} heads")

    @classmethod
    def of(cls, shape: Shape, vocabulary_size: int) -> BertConfig:
        """Of a declared shape; ``vocabulary_size`` in word pieces."""
        return cls(
            {
                "vocab_size": vocabulary_size,
                "hidden_size": shape.hidden,
                "num_hidden_layers": shape.layers,
                "num_attention_heads": shape.heads,
                "intermediate_size": shape.intermediate,
                "max_position_embeddings": shape.positions,
                "initializer_range": shape.initializer_range,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The content of config.json, with the present values."""
        return self._content | {name: value for name, value in vars(self).items() if name != "_content"}


class Embeddings(nn.Module):
    """Sum of word, position and segment vectors, normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = _vectors(config.vocab_size, width, padding_idx=config.pad_token_id)
        self.position_embeddings = _vectors(config.max_position_embeddings, width)
        self.token_type_embeddings = _vectors(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, token_types: Tensor, position_ids: Tensor) -> Tensor:
        """(1, N, D), of three tensors (1, N)."""
        words = self.word_embeddings(input_ids) + self.token_type_embeddings(token_types)
        return self.dropout(self.LayerNorm(words + self.position_embeddings(position_ids)))


class SelfAttention(nn.Module):
    """Attention of the tokens of each document to one another."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads, self.channels = config.num_attention_heads, width // config.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def forward(self, hidden: Tensor, packing: Packing) -> Tensor:
        """(1, N, D), of ``hidden`` (1, N, D)."""
        shape = self.heads, self.channels
        parts = [linear(hidden).unflatten(-1, shape) for linear in (self.query, self.key, self.value)]
        return self.attend(parts, packing)

    def attend(self, parts: Iterable[Tensor], packing: Packing) -> Tensor:
        """(1, N, D), of queries, keys and values (1, N, H, C)."""
        query, key, value = (part.transpose(1, 2) for part in parts)
        mixed = packed_attention.attend(query, key, value, packing, scaling=self.channels**-0.5, dropout=self.dropout)
        return mixed.flatten(-2)


class Output(nn.Module):
    """Linear map and dropout, added to what the block was given, and normalised."""

    def __init__(self, inputs: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, computed: Tensor, given: Tensor) -> Tensor:
        """(1, R, D), of ``computed`` (1, R, inputs) and ``given`` (1, R, D)."""
        return self.LayerNorm(self.dropout(self.dense(computed)) + given)


class Attention(nn.Module):
    """Self-attention and its output."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = Output(config.hidden_size, config)


class Activated(nn.Module):
    """Linear map and activation function."""

    def __init__(self, outputs: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, outputs)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., outputs), of ``hidden`` (..., D)."""
        return self.activation(self.dense(hidden))


class Layer(nn.Module):
    """Attention, then a feed-forward network at each token."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Activated(config.intermediate_size, config)
        self.output = Output(config.intermediate_size, config)

    def forward(self, hidden: Tensor, packing: Packing, rows: Tensor | None = None) -> Tensor:
        """(1, R, D) at ``rows`` (R,), or (1, N, D) at all tokens, of ``hidden`` (1, N, D)."""
        context = self.attention.self(hidden, packing)
        if rows is not None:
            context, hidden = context.index_select(1, rows), hidden.index_select(1, rows)
        attended = self.attention.output(context, hidden)
        return self.output(self.intermediate(attended), attended)


class Layers(nn.Module):
    """The layers, from the lowest."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))


class Pooler(nn.Module):
    """Linear map and tanh of the state of [CLS], trained with next-sentence prediction."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, first: Tensor) -> Tensor:
        """(B, D), of the states ``first`` (B, D) of [CLS]."""
        return torch.tanh(self.dense(first))


class Bert(PackedEncoder):
    """The encoder, for weights that are loaded: none is initialised."""

    family = families.BERT
    config: BertConfig

    def __init__(self, config: BertConfig, *, pooler: bool) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Layers(config)
        self.pooler = Pooler(config) if pooler else None

    @property
    def device(self) -> torch.device:
        """That of the weights."""
        return self.embeddings.word_embeddings.weight.device

    def states(self, inputs: RowInputs[Tensor], rows: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Hidden states (R, D) of each of ``layers`` (ascending) at ``rows`` (R,) of the packed row.

        Of the highest layer, output projection and feed-forward part are computed at these rows only.
        """
        ids, types, places = (part[None] for part in (inputs.input_ids, inputs.token_types, inputs.position_ids))
        packing = packed_attention.Packing(inputs.lengths, inputs.boundaries, inputs.longest)
        hidden = self.embeddings(ids, types, places)
        states_of_layers = []
        *body, highest = self.encoder.layer[: layers[-1] + 1]
        for number, layer in enumerate(body):
            hidden = layer(hidden, packing)
            if number in layers:
                states_of_layers.append(hidden[0].index_select(0, rows))
        return [*states_of_layers, highest(hidden, packing, rows)[0]]

    def reader(self, depth: int, noise: Noise, *, hidden: float, attention: float) -> Bert:
        """A copy without the layers above the ``depth`` lowest, whose dropout has these probabilities and ``noise``."""
        reader = copy.deepcopy(self)
        reader.encoder.layer = reader.encoder.layer[:depth]
        reader.config.num_hidden_layers = len(reader.encoder.layer)
        install_dropout(reader, noise, hidden=hidden, attention=attention)
        return reader

    def part_of(self, name: str) -> Part:
        """Where the parameter with this name is; a pooler is above the layers."""
        if name.startswith("encoder.layer."):
            return int(name.split(".")[2])
        return "embeddings" if name.startswith("embeddings.") else "head"

    def runs_as_graph(self, device: torch.device) -> bool:
        """Whether CUDA's kernels take the boundaries of texts from the device, for heads of this size."""
        return flash_attention.supported(device, self.config.hidden_size // self.config.num_attention_heads)


def install_dropout(model: nn.Module, noise: Noise, *, hidden: float, attention: float) -> None:
    """Replace every dropout of a BERT: ``attention`` on the weights of attention, ``hidden`` elsewhere."""
    dropout.install(model, noise, lambda parent, _: attention if isinstance(parent, SelfAttention) else hidden)


def _vectors(size: int, width: int, padding_idx: int | None = None) -> nn.Embedding:
    """An embedding whose weights are not drawn: a normal draw on the meta device imports torch's compiler."""
    return nn.Embedding.from_pretrained(torch.empty(size, width), freeze=False, padding_idx=padding_idx)
