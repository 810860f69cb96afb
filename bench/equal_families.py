"""States and gradients of encoders of other families, in their own way, against transformers' padded batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel

from bertfit.batching.packing import Batch
from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face.transformers_encoder import TransformersEncoder, attention_of
from equal_inputs import ROUNDING, Differences, Inputs, compare
from helpers import packed_texts, small_encoders
from helpers.reference import by_name

WAYS = {"packed": "packed", "padded": "in groups"}


def families(inputs: Inputs) -> Differences:
    """The last states of every token, and the gradients of their squares; each family in its way."""
    given = packed_texts.batch()
    for name in small_encoders.OTHERS:
        family = FAMILIES[name]
        theirs = small_encoders.model(name, AutoModel).to(inputs.device)
        module = small_encoders.model(name, AutoModel, attention=attention_of(family)).to(inputs.device)
        module.load_state_dict(theirs.state_dict())
        ours = TransformersEncoder(module, family)
        rows = torch.arange(given.tokens, device=inputs.device)
        last = ours.config.num_hidden_layers - 1
        (states,) = ours.states(packed_texts.inputs_of(given, inputs.device), rows, [last])
        plain = _padded(theirs, given, types=family.token_types and theirs.config.type_vocab_size > 1)
        for side in (states, plain):
            side.square().mean().backward()
        path = f"{family.title}, {WAYS[family.way]} / padded"
        yield compare(path, "states", states, plain, ROUNDING)
        yield compare(path, "gradients", _largest(by_name(module)), _largest(by_name(theirs)), ROUNDING)


def _padded(model: Any, given: Batch, *, types: bool) -> Tensor:
    """(N, D): the last states of a batch that is padded to its longest text, at its tokens."""
    shape, device = (len(given.lengths), int(given.lengths.max())), model.device
    real = torch.arange(shape[1]) < torch.from_numpy(given.lengths)[:, None]
    ids, segments = (torch.full(shape, fill) for fill in (int(model.config.pad_token_id), 0))
    ids[real], segments[real] = (torch.from_numpy(part).long() for part in (given.input_ids, given.token_types))
    more = {"token_type_ids": segments.to(device)} if types else {}
    out = model(ids.to(device), attention_mask=real.long().to(device), return_dict=True, **more)
    return out.last_hidden_state[real.to(device)]


def _largest(gradients: dict[str, Tensor]) -> Tensor:
    """All gradients in a row, so that rounding is compared with the largest of all."""
    return torch.cat([gradients[name].flatten() for name in sorted(gradients)])
