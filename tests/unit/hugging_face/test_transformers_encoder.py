"""Encoders of every family on packed rows, against transformers' own padded forward pass."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers import AutoModel

from bertfit.batching import packing
from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face.transformers_encoder import TransformersEncoder, attention_of
from bertfit.model.dropout import Noise
from bertfit.model.packed_encoder import PackedEncoder
from helpers import small_encoders
from helpers.packed_texts import batch, inputs_of


def encoder_of(name: str, **changes: object) -> tuple[TransformersEncoder, torch.nn.Module]:
    """Ours, and transformers' own with the same weights."""
    family = FAMILIES[name]
    theirs = small_encoders.model(name, AutoModel, **changes)
    module = small_encoders.model(name, AutoModel, attention=attention_of(family), **changes)
    module.load_state_dict(theirs.state_dict())
    return TransformersEncoder(module, family), theirs


def padded(theirs: torch.nn.Module, given: packing.Batch, name: str) -> list[Tensor]:
    """The states (N, D) of every layer, each text by itself, as transformers computes them."""
    family, rows = FAMILIES[name], []
    config = theirs.config
    types = family.token_types and config.type_vocab_size > 1
    for start, length in zip(given.starts, given.lengths, strict=True):
        ids = torch.from_numpy(given.input_ids[start : start + length]).long()[None]
        segments = torch.from_numpy(given.token_types[start : start + length]).long()[None]
        more = {"token_type_ids": segments} if types else {}
        out = theirs(ids, attention_mask=torch.ones_like(ids), output_hidden_states=True, return_dict=True, **more)
        hidden = [states[0] for states in out.hidden_states[1:]]
        if family.norm:
            hidden = [theirs.get_submodule(family.norm)(states) for states in hidden[:-1]]
        rows.append([*hidden[: config.num_hidden_layers - 1], out.last_hidden_state[0]])
    return [torch.cat(states) for states in zip(*rows, strict=True)]


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_states_of_all_layers_and_gradients_equal_those_of_transformers(name: str) -> None:
    ours, theirs = encoder_of(name)
    given = batch()
    rows = torch.arange(given.tokens)
    found = ours.states(inputs_of(given), rows, [0, 1, 2])
    expected = padded(theirs, given, name)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == (given.tokens, 32) and one.std() > 0.3
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    pull = torch.randn(found[0].shape, generator=torch.Generator().manual_seed(1))
    sum((states * pull).sum() for states in found).backward()
    sum((states * pull).sum() for states in expected).backward()
    largest = max(float(other.grad.abs().max()) for other in theirs.parameters() if other.grad is not None)
    for (key, one), other in zip(ours.module.named_parameters(), theirs.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), key
        if one.grad is not None:  # the gradient of a bias of the keys is zero but for rounding
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_the_lowest_layers_are_the_encoder_that_ends_there(name: str) -> None:
    ours, _ = encoder_of(name)
    inputs = inputs_of(batch())
    with torch.inference_mode():
        (expected,) = ours.states(inputs, inputs.rows, [1])
        lower = ours.reader(2, Noise(), hidden=0.1, attention=0.1)
        assert lower.config.num_hidden_layers == 2 and not lower.training
        torch.testing.assert_close(lower.last_states(inputs), expected, rtol=0, atol=1e-6)
    assert {lower.part_of(key) for key, _ in lower.named_parameters()} <= {"embeddings", 0, 1, "head"}


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_dropout_is_a_function_of_seed_and_step(name: str) -> None:
    ours, _ = encoder_of(name)
    noise, inputs = Noise(), inputs_of(batch())
    reader = ours.reader(3, noise, hidden=0.1, attention=0.2).train()

    def states(step: int) -> Tensor:
        noise.reseed(1, step)
        with torch.no_grad():
            return reader.last_states(inputs)

    first, other = states(1), states(2)
    assert not torch.equal(first, other) and torch.equal(states(1), first)
    probabilities = {module.p for module in reader.modules() if isinstance(module, torch.nn.Dropout)}
    assert probabilities <= {0.1, 0.2} and all(type(module) is not torch.nn.Dropout for module in reader.modules()), (
        "each dropout draws from the noise"
    )
    assert (reader.eval().last_states(inputs) - ours.last_states(inputs)).abs().max() < 1e-5


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_parts(name: str) -> None:
    ours, _ = encoder_of(name)
    assert isinstance(ours, PackedEncoder)
    of_parts: dict[object, int] = {}
    for key, parameter in ours.named_parameters():
        of_parts[ours.part_of(key)] = of_parts.get(ours.part_of(key), 0) + parameter.numel()
    layers = [0] if FAMILIES[name].shares_layers else [0, 1, 2]
    assert [part for part in of_parts if isinstance(part, int)] == layers
    assert of_parts["embeddings"] >= small_encoders.WORDS * 16
    assert of_parts.get("head", 0) == {"modernbert": 32, "eurobert": 32}.get(name, 0), "a norm after the last layer"
    ours.freeze(0)
    assert all(parameter.requires_grad for parameter in ours.parameters())
    ours.freeze(1)
    frozen = {ours.part_of(key) for key, parameter in ours.named_parameters() if not parameter.requires_grad}
    assert frozen == {"embeddings", 0}
