from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.model import grouped_attention, packed_attention
from bertfit.model.dropout import Dropout, Noise
from helpers.reference import attend

LENGTHS = [[5], [3, 3, 3], [4, 4, 6, 6, 6, 9, 6], [2, 7, 7, 9], [1, 30, 64, 65, 66, 70, 130], [9, 2, 40, 1]]


def tensors(lengths: list[int], heads: int = 2, channels: int = 4):
    draw = torch.Generator().manual_seed(sum(lengths))
    shape = (1, sum(lengths), heads, channels)  # as the projections leave them
    leaves = [torch.randn(shape, generator=draw, dtype=torch.float64).requires_grad_() for _ in range(3)]
    return leaves, [leaf.transpose(1, 2) for leaf in leaves]


def packed(parts, lengths, *, dropout: float, drop=lambda weights: weights):
    module = SimpleNamespace(dropout=drop)
    packing = packed_attention.Packing(lengths, torch.device("cpu"))
    return packed_attention.packed_attention(module, *parts, None, scaling=0.5, dropout=dropout, packing=packing)[0]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("dropout", [0.0, 0.1], ids=["exact", "grouped"])
def test_both_ways_equal_a_block_mask_in_values_and_gradients(lengths, dropout):
    leaves, parts = tensors(lengths)
    expected = attend(*parts, lengths)
    found = packed(parts, lengths, dropout=dropout)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weights = torch.linspace(-1, 1, found.numel(), dtype=torch.float64).view(found.shape)
    wanted = torch.autograd.grad((expected * weights).sum(), leaves)
    got = torch.autograd.grad((found * weights).sum(), leaves)
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_neighbours_of_equal_length_share_a_call(monkeypatch):
    shapes = []
    kernel = packed_attention.functional.scaled_dot_product_attention

    def counted(query, key, value, **more):
        shapes.append(tuple(query.shape))
        assert query.untyped_storage().data_ptr() in stores  # a view: nothing was copied
        return kernel(query, key, value, **more)

    leaves, parts = tensors([4, 4, 6, 6, 6, 9, 6])
    stores = {leaf.untyped_storage().data_ptr() for leaf in leaves}
    monkeypatch.setattr(packed_attention.functional, "scaled_dot_product_attention", counted)
    packed(parts, [4, 4, 6, 6, 6, 9, 6], dropout=0.0)
    assert shapes == [(2, 2, 4, 4), (3, 2, 6, 4), (1, 2, 9, 4), (1, 2, 6, 4)]


def test_dropout_acts_on_the_attention_weights():
    _, parts = tensors([2, 7, 7, 9])
    whole = packed(parts, [2, 7, 7, 9], dropout=0.1)
    halved = packed(parts, [2, 7, 7, 9], dropout=0.1, drop=lambda weights: weights * 0.5)
    torch.testing.assert_close(halved, whole * 0.5)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30).map(sorted))
@settings(max_examples=50, deadline=None)
def test_groups_cover_the_row_and_waste_little(lengths):
    heads = 2
    found = grouped_attention.groups(lengths, heads, torch.device("cpu"))
    assert found.pad_index[found.unpad_index].tolist() == list(range(heads * sum(lengths)))  # there and back
    start = 0
    for (count, _, width), bias in zip(found.shapes, found.biases, strict=True):
        mine = lengths[start : start + count]
        start += count
        assert max(mine) == width <= max(grouped_attention.SHORT, grouped_attention.MAX_RATIO * min(mine))
        assert (bias is None) == (len(set(mine)) == 1)
        assert bias is None or (bias == 0).sum((1, 2, 3)).tolist() == mine
    assert start == len(lengths)


def test_boundaries():
    packing = packed_attention.Packing([3, 1, 4], torch.device("cpu"))
    assert packing.boundaries.tolist() == [0, 3, 4, 8] and packing.boundaries.dtype == torch.int32


def test_noise_is_a_function_of_seed_and_step():
    def draw(seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = Noise()
        noise.reseed(seed, step)
        return noise.keep(torch.Size([50, 7]), 0.1), torch.rand(3)

    mask, torchs = draw(3, 5)
    assert torch.equal(mask, draw(3, 5)[0]) and torch.equal(torchs, draw(3, 5)[1])
    assert not torch.equal(mask, draw(3, 6)[0]) and not torch.equal(mask, draw(4, 5)[0])
    assert not torch.equal(torchs, draw(3, 6)[1])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_drops_its_share(p):
    module = Dropout(p, Noise())
    ones = torch.ones(1000, 1000, requires_grad=True)
    dropped = module(ones)
    share = float((dropped == 0).float().mean())
    assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / 1e6)
    kept = dropped[dropped != 0].detach()
    assert torch.equal(kept, kept[0].expand_as(kept)) and float(kept[0]) == pytest.approx(1 / (1 - p), rel=2e-4)
    dropped.sum().backward()
    assert torch.equal(ones.grad, dropped.detach())  # the same mask goes back
    neighbours = (dropped[:, 1:] == 0) & (dropped[:, :-1] == 0)
    assert abs(float(neighbours.float().mean()) - p * p) < 0.003
    module.eval()
    assert module(ones) is ones
