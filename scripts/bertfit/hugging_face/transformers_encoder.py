"""Encoders of other families than BERT, by the modules of transformers, on packed rows.

Where transformers lets a function be registered for attention, it is `packed_attention`, and nothing is padded;
position ids, and what follows from them, are those of each document. Elsewhere documents of similar length are padded
and computed together. `Family.way` says which.

Shapes: N packed tokens, R rows, D width, H heads, C channels of a head, G documents of a group, W its longest document.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from bertfit.attention import grouped_attention, packed_attention
from bertfit.batching.model_inputs import RowInputs
from bertfit.batching.transfer import to_device
from bertfit.encoders.families import Family
from bertfit.model import dropout
from bertfit.model.dropout import Dropout, Noise
from bertfit.model.packed_encoder import PackedEncoder, Part

ATTENTION = "bertfit_packed"
"""The name that `_attend` is registered under."""


@dataclass
class Sizes:
    """The `Dimensions` of an encoder."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    max_position_embeddings: int


class TransformersEncoder(PackedEncoder):
    """An ``AutoModel`` without pooler, made with the attention of `attention_of` its family."""

    def __init__(self, module: Any, family: Family, weights_dropout: Dropout | None = None) -> None:
        """``weights_dropout`` acts on the weights of packed attention, in place of that of ``module``."""
        super().__init__()
        self.module = module
        self.family = family
        self.pooler = None
        self.weights_dropout = weights_dropout or Dropout(0.0, Noise())
        config = module.config
        self._offset = family.offset(config.to_dict())
        self._types = family.token_types and config.type_vocab_size > 1
        self.config = Sizes(
            config.hidden_size,
            config.num_hidden_layers,
            config.num_attention_heads,
            config.vocab_size,
            config.max_position_embeddings - self._offset,
        )
        self.train(module.training)

    @property
    def device(self) -> torch.device:
        """That of the weights."""
        return next(self.module.parameters()).device

    def states(self, inputs: RowInputs[Tensor], rows: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Hidden states (R, D) of each of ``layers`` (ascending) at ``rows`` (R,) of the packed row."""
        compute = self._packed if self.family.way == "packed" else self._padded
        return [states.index_select(0, rows) for states in compute(inputs, layers)]

    def reader(self, depth: int, noise: Noise, *, hidden: float, attention: float) -> TransformersEncoder:
        """A copy without the layers above the ``depth`` lowest, whose dropout has these probabilities and ``noise``."""
        config = copy.deepcopy(self.module.config)
        config.num_hidden_layers = depth
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[:depth]
        for keys, probability in ((self.family.hidden_dropout, hidden), (self.family.attention_dropout, attention)):
            for key in keys:
                setattr(config, key, probability)
        with torch.random.fork_rng(devices=[]):  # its weights are drawn, and replaced
            module = type(self.module)(config, **self.family.without_pooler)
        module.load_state_dict(self.module.state_dict(), strict=False)
        module.to(self.device).train(self.training)
        dropout.install(module, noise, lambda _, child: child.p)
        return TransformersEncoder(module, self.family, Dropout(attention, noise))

    def part_of(self, name: str) -> Part:
        """Where the parameter with this name is. What normalises the states of the last layer is above the layers."""
        name = name.removeprefix("module.")
        if any(name.startswith(f"{path}.") for path in self.family.embeddings):
            return "embeddings"
        if self.family.shares_layers:
            return 0
        path = f"{self.family.layers}."
        return int(name.removeprefix(path).split(".")[0]) if name.startswith(path) else "head"

    def runs_as_graph(self, device: torch.device) -> bool:
        """No step is a CUDA graph: nothing of transformers' modules was measured as one."""
        return False

    def _packed(self, inputs: RowInputs[Tensor], layers: Sequence[int]) -> list[Tensor]:
        """States (N, D) of each of ``layers``, without padding."""
        packing = packed_attention.Packing(inputs.lengths, inputs.boundaries, inputs.longest)
        given = {"packing": packing, "weights_dropout": self.weights_dropout}
        found = self._forward(
            inputs.input_ids[None], inputs.token_types[None], inputs.position_ids[None], layers, given
        )
        return [states[0] for states in found]

    def _padded(self, inputs: RowInputs[Tensor], layers: Sequence[int]) -> list[Tensor]:
        """The same in padded groups of documents of similar length."""
        groups, start = [], 0
        for run in grouped_attention.runs(inputs.lengths):
            groups.append(self._group(inputs, slice(start, start + sum(run)), run, layers))
            start += sum(run)
        return [torch.cat(states) for states in zip(*groups, strict=True)]

    def _group(self, inputs: RowInputs[Tensor], row: slice, lengths: list[int], layers: Sequence[int]) -> list[Tensor]:
        """States (tokens, D) of each of ``layers``, of consecutive documents, the part ``row`` of a packed row."""
        shape = len(lengths), max(lengths)
        real = np.arange(shape[1]) < np.array(lengths)[:, None]
        places = to_device(np.flatnonzero(real), inputs.input_ids.device)
        mask = to_device(self._mask(real), inputs.input_ids.device)

        def padded(values: Tensor) -> Tensor:
            """(G, W), of the part (tokens,) of a row."""
            return values.new_zeros(shape[0] * shape[1]).index_copy(0, places, values[row]).view(shape)

        parts = padded(inputs.input_ids), padded(inputs.token_types), padded(inputs.position_ids)
        found = self._forward(*parts, layers, {"attention_mask": mask})
        return [states.flatten(0, 1).index_select(0, places) for states in found]

    def _mask(self, real: np.ndarray) -> np.ndarray:
        """Of the tokens (G, W) of a group that are ``real``: (G, W) of ones and zeros, or (G, 1, 1, W) to be added."""
        if not self.family.adds_mask:
            return real.astype(np.int64)
        return np.where(real, np.float32(0), np.finfo(np.float32).min)[:, None, None]

    def _forward(
        self, ids: Tensor, types: Tensor, places: Tensor, layers: Sequence[int], given: dict[str, Any]
    ) -> list[Tensor]:
        """States (G, W, D) of each of ``layers``, of three tensors (G, W)."""
        given |= {"token_type_ids": types.long()} if self._types else {}
        last = self.config.num_hidden_layers - 1
        lower = [layer for layer in layers if layer != last]
        found = self.module(
            input_ids=ids.long(),
            position_ids=places.long() + self._offset,
            output_hidden_states=bool(lower),
            return_dict=True,
            **given,
        )
        normalise = self.module.get_submodule(self.family.norm) if self.family.norm else nn.Identity()
        states = [normalise(found.hidden_states[layer + 1]) for layer in lower]
        return [*states, found.last_hidden_state] if last in layers else states


def attention_of(family: Family) -> str:
    """The ``attn_implementation`` that a family's modules are made with."""
    return ATTENTION if family.way == "packed" else "eager"


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    packing: packed_attention.Packing,
    weights_dropout: Dropout,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention (1, N, H, C), as transformers calls it; of ``key`` and ``value`` there may be fewer heads.

    ``sliding_window`` is FlashAttention's: one more than the distance of the farthest tokens.
    """
    assert mask is None
    query, key = query.to(value.dtype), key.to(value.dtype)  # rotary embeddings of EuroBERT leave float32
    if (shared := query.shape[1] // key.shape[1]) > 1:
        key, value = (part.repeat_interleave(shared, dim=1) for part in (key, value))
    mixed = packed_attention.attend(
        query,
        key,
        value,
        packing,
        scaling=query.shape[3] ** -0.5 if scaling is None else scaling,
        dropout=weights_dropout,
        window=None if sliding_window is None else sliding_window - 1,
    )
    return mixed, None


AttentionInterface.register(ATTENTION, _attend)
