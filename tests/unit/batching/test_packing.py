from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune
from bertfit.tokens.instance_file import Instance
from bertfit.tokens.token_file import Tokens


def corpus(*texts: list[int], pairs: list[list[int]] | None = None, labels: list[int] | None = None) -> Tokens:
    def flat(rows):
        values = np.array([token for row in rows for token in row], np.uint16)
        return values, np.cumsum([0, *map(len, rows)]).astype(np.int32)

    second = flat(pairs) if pairs else (None, None)
    found = np.array(labels or [0] * len(texts), np.int32)
    return Tokens(*flat(texts), *second, found, ["a", "b"], cls=1, sep=2, pad=0, mask=3, unk=4, vocabulary_size=99)


def test_collate_packs_the_shortest_first():
    data = corpus([10, 11, 12, 13, 14, 15], [20], [30, 31], labels=[0, 1, 0])
    batch = packing.collate(data, [2, 0, 1], Finetune(max_length=8, head_tokens=2))
    assert batch.lengths.tolist() == [3, 4, 8]
    assert batch.input_ids.tolist() == [1, 20, 2, 1, 30, 31, 2, 1, 10, 11, 12, 13, 14, 15, 2]
    assert batch.position_ids.tolist() == [0, 1, 2, 0, 1, 2, 3, *range(8)]
    assert batch.token_types.tolist() == [0] * 15
    assert batch.starts.tolist() == [0, 3, 7]
    assert batch.documents.tolist() == [2, 0, 1]  # of the batch: its first is example 2
    assert batch.labels.tolist() == [0, 0, 1] and batch.examples.tolist() == [2, 0, 1]
    assert batch.tokens == 15 and batch.input_ids.dtype == np.int32


def test_collate_pairs_and_fractions():
    pairs = packing.collate(corpus([5, 6], pairs=[[7]]), [0], Finetune(max_length=8, head_tokens=2))
    assert pairs.input_ids.tolist() == [1, 5, 6, 2, 7, 2] and pairs.token_types.tolist() == [0, 0, 0, 0, 1, 1]
    mixed = packing.collate(corpus([5, 6], [8], pairs=[[7], []]), [0, 1], Finetune(max_length=8, head_tokens=2))
    assert mixed.input_ids.tolist() == [1, 8, 2, 1, 5, 6, 2, 7, 2]  # an empty second text: a single text
    assert mixed.token_types.tolist() == [0] * 7 + [1] * 2
    recipe = Finetune(truncation="hier-mean", max_length=8, fractions=3)
    hier = packing.collate(corpus(list(range(10, 18)), [9]), [0, 1], recipe)
    assert hier.lengths.tolist() == [3, 4, 8] and hier.documents.tolist() == [1, 0, 0]
    assert hier.input_ids.tolist() == [1, 9, 2, 1, 16, 17, 2, 1, *range(10, 16), 2]


@pytest.mark.parametrize("form", [{}, {"truncation": "hier-mean", "fractions": 3}], ids=["cut", "fractions"])
@pytest.mark.parametrize("paired", [False, True])
def test_lengths_are_those_of_the_packed_documents(form, paired):
    texts = [list(range(10, 10 + size)) for size in (0, 1, 5, 6, 7, 12, 13, 18, 19, 40)]
    data = corpus(*texts, pairs=texts[::-1] if paired else None)
    recipe = Finetune(max_length=8, head_tokens=2, **form)
    packed = [packing.collate(data, [row], recipe).tokens for row in range(len(texts))]
    assert packing.lengths(data, recipe).tolist() == packed


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 100))
def test_by_length_fills_batches_to_the_budget(lengths, budget):
    found = packing.by_length(np.array(lengths), budget)
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    flat = [lengths[i] for batch in found for i in batch]
    assert flat == sorted(lengths)
    for batch in found:
        assert len(batch) == 1 or sum(lengths[i] for i in batch) <= budget


class Fake:
    rows = [
        Instance(np.array([1, 5, 3, 2, 6, 2]), 4, True, np.array([2]), np.array([7])),
        Instance(np.array([1, 3, 2, 3, 2]), 3, False, np.array([1, 3]), np.array([8, 9])),
    ]

    def get(self, i: int) -> Instance:
        return self.rows[i]


def test_collate_masked():
    batch = packing.collate_masked(Fake(), [0, 1])
    assert batch.lengths.tolist() == [5, 6] and batch.starts.tolist() == [0, 5] and batch.tokens == 11
    assert batch.input_ids.tolist() == [1, 3, 2, 3, 2, 1, 5, 3, 2, 6, 2]
    assert batch.token_types.tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]
    assert batch.position_ids.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5]
    assert batch.masked.tolist() == [1, 3, 7] and batch.targets.tolist() == [8, 9, 7]
    assert batch.random_next.tolist() == [0, 1]
