"""Groups of documents of similar length: they cover the row and waste little."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.attention import grouped_attention


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
