"""Low-rank adapters: they begin as nothing, are all that is trained, and merge into a plain encoder."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModel

from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face import hf_encoder
from bertfit.hugging_face.transformers_encoder import TransformersEncoder, attention_of
from bertfit.model import low_rank
from bertfit.model.packed_encoder import PackedEncoder
from helpers import small_encoders, tiny
from helpers.packed_texts import batch, inputs_of

KINDS = ["bert", *small_encoders.OTHERS]


def encoder_of(name: str) -> PackedEncoder:
    if name == "bert":
        return hf_encoder.scratch(tiny.SHAPE.model_copy(update={"positions": 160}), 100, 1).encoder.eval()
    module = small_encoders.model(name, AutoModel, attention=attention_of(FAMILIES[name]))
    return TransformersEncoder(module, FAMILIES[name])


@pytest.mark.parametrize("name", KINDS)
def test_adapters_begin_as_nothing_and_merge_into_the_weights(name: str) -> None:
    encoder, inputs = encoder_of(name), inputs_of(batch())
    names = {key for key, _ in encoder.named_parameters()}
    with torch.no_grad():
        before = encoder.last_states(inputs)
        low_rank.adapt(encoder, rank=2, alpha=4, seed=1)
        assert torch.equal(encoder.last_states(inputs), before)
    trained = [key for key, weight in encoder.named_parameters() if weight.requires_grad]
    assert trained and all("lora_" in key and isinstance(encoder.part_of(key), int) for key in trained)
    encoder.last_states(inputs).square().sum().backward()
    assert all(weight.grad is not None for key, weight in encoder.named_parameters() if "lora_B" in key)
    with torch.no_grad():
        for key, weight in encoder.named_parameters():
            if "lora_B" in key:
                weight.normal_(std=0.1, generator=torch.Generator().manual_seed(len(key)))
        adapted = encoder.last_states(inputs)
        assert (adapted - before).abs().max() > 0.01
        low_rank.merge(encoder)
        torch.testing.assert_close(encoder.last_states(inputs), adapted, rtol=0, atol=2e-5)
    assert {key for key, _ in encoder.named_parameters()} == names


def test_they_are_drawn_from_the_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        encoder = encoder_of("bert")
        low_rank.adapt(encoder, rank=2, alpha=4, seed=seed)
        drawn.append(torch.cat([weight.flatten() for key, weight in encoder.named_parameters() if "lora_A" in key]))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
