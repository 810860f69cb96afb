from __future__ import annotations

import pytest
import torch

from bertfit.attention import packed_attention
from helpers.reference import attend

LENGTHS = [[5], [3, 3, 3], [4, 4, 6, 6, 6, 9, 6], [2, 7, 7, 9], [1, 30, 64, 65, 66, 70, 130], [9, 2, 40, 1]]


def tensors(lengths: list[int], heads: int = 2, channels: int = 4):
    draw = torch.Generator().manual_seed(sum(lengths))
    shape = (1, sum(lengths), heads, channels)  # as the projections leave them
    leaves = [torch.randn(shape, generator=draw, dtype=torch.float64).requires_grad_() for _ in range(3)]
    return leaves, [leaf.transpose(1, 2) for leaf in leaves]


def packed(parts, lengths, *, dropout: float, drop=lambda weights: weights, window: int | None = None):
    module = torch.nn.Dropout(dropout)
    module.forward = drop
    packing = packed_attention.Packing.of(lengths, torch.device("cpu"))
    return packed_attention.attend(*parts, packing, scaling=0.5, dropout=module, window=window)


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("dropout", [0.0, 0.1], ids=["exact", "grouped"])
@pytest.mark.parametrize("window", [None, 0, 3, 64])
def test_both_ways_equal_a_block_mask_in_values_and_gradients(lengths, dropout, window):
    leaves, parts = tensors(lengths)
    expected = attend(*parts, lengths, window)
    found = packed(parts, lengths, dropout=dropout, window=window)
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


def test_boundaries():
    packing = packed_attention.Packing.of([3, 1, 4], torch.device("cpu"))
    assert packing.boundaries.tolist() == [0, 3, 4, 8] and packing.boundaries.dtype == torch.int32
