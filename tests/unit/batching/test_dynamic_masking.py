"""Words are masked anew at each step: how many, which, by what, and that the same key gives the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.batching import dynamic_masking, packing
from bertfit.batching.dynamic_masking import Masking
from bertfit.batching.packing import MaskedBatch
from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.tokens import vocabulary_file
from helpers import small_encoders, tiny
from helpers.vocabularies import BASE, write_vocabulary

CLS, SEP, MASK, SIZE = 2, 3, 4, 1000
MASKING = Masking(
    share=0.15, most=20, mask=MASK, special=(0, 1, CLS, SEP, MASK), entries=np.arange(SIZE, dtype=np.int32)
)


def batch(lengths: list[int], seed: int = 1) -> MaskedBatch:
    """[CLS], pieces, [SEP] of each of these lengths."""
    sizes = np.array(lengths)
    ids = np.random.default_rng(seed).integers(5, SIZE, sizes.sum()).astype(np.int32)
    ends = np.cumsum(sizes)
    ids[ends - sizes], ids[ends - 1] = CLS, SEP
    return MaskedBatch(
        input_ids=ids,
        token_types=np.zeros(len(ids), np.int32),
        position_ids=packing.positions(sizes),
        lengths=sizes,
        masked=np.zeros(0, np.int64),
        targets=np.zeros(0, np.int64),
        random_next=np.zeros(len(sizes), np.int64),
    )


@given(st.lists(st.integers(3, 300), min_size=1, max_size=8), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_a_share_of_each_text_is_to_be_predicted(lengths: list[int], step: int) -> None:
    given_batch = batch(lengths)
    found = MASKING.masked(given_batch, 1, step)
    text = np.repeat(np.arange(len(lengths)), lengths)[found.masked]
    expected = [min(20, max(1, round(0.15 * (length - 2)))) for length in lengths]
    assert np.abs(np.bincount(text, minlength=len(lengths)) - expected).max() == 0
    assert np.all(np.diff(found.masked) > 0) and not np.isin(found.targets, MASKING.special).any()
    assert np.array_equal(found.targets, given_batch.input_ids[found.masked])
    others = np.setdiff1d(np.arange(len(text) and given_batch.tokens), found.masked)
    assert np.array_equal(found.input_ids[others], given_batch.input_ids[others])


def test_eighty_percent_masks_ten_random_ten_kept() -> None:
    whole = Masking(share=1.0, most=10**6, mask=MASK, special=MASKING.special, entries=MASKING.entries)
    given_batch = batch([20_002])
    found = whole.masked(given_batch, 1)
    chosen = found.input_ids[found.masked]
    assert len(chosen) == 20_000
    assert np.mean(chosen == MASK) == pytest.approx(0.8, abs=0.01)
    assert np.mean(chosen == found.targets) == pytest.approx(0.1, abs=0.01)


def test_each_place_is_chosen_equally_often() -> None:
    given_batch, counts = batch([12, 22]), np.zeros(34)
    for step in range(3000):
        counts[MASKING.masked(given_batch, 7, step).masked] += 1
    assert counts[[0, 11, 12, 33]].sum() == 0
    first, second = counts[1:11] / 3000, counts[13:33] / 3000
    assert np.abs(first - 2 / 10).max() < 0.03 and np.abs(second - 3 / 20).max() < 0.03


def test_a_function_of_seed_and_step() -> None:
    given_batch = batch([50, 60])
    one, again = (MASKING.masked(given_batch, 1, 5) for _ in range(2))
    assert np.array_equal(one.input_ids, again.input_ids) and np.array_equal(one.masked, again.masked)
    assert any(not np.array_equal(one.masked, MASKING.masked(given_batch, *key).masked) for key in ((1, 6), (2, 5)))


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_whole_words_are_masked_together(step: int) -> None:
    continues = np.arange(SIZE) % 3 == 0
    words = Masking(
        share=0.3, most=20, mask=MASK, special=MASKING.special, entries=MASKING.entries, continues=continues
    )
    given_batch = batch([40, 70])
    chosen = np.zeros(given_batch.tokens, bool)
    chosen[words.masked(given_batch, step).masked] = True
    inside = continues[given_batch.input_ids] & ~np.isin(given_batch.input_ids, MASKING.special)
    inside[1:] &= ~np.isin(given_batch.input_ids[:-1], MASKING.special)  # the first piece of a text begins a word
    places = np.flatnonzero(inside)
    assert np.array_equal(chosen[places], chosen[places - 1])
    text = np.repeat([0, 1], [40, 70])
    counts = np.bincount(text[chosen], minlength=2)
    assert np.all(counts >= 1) and np.all(counts <= [11, 20])


def test_of_a_vocabulary(tmp_path) -> None:
    tokenizer = vocabulary_file.load(write_vocabulary(tmp_path, BASE))
    found = dynamic_masking.of_vocabulary(tokenizer, Pretrain(whole_words=True, max_predictions=7))
    assert (found.share, found.most, found.mask, found.special) == (0.15, 7, 4, (0, 1, 2, 3, 4))
    pieces = tokenizer.get_vocab()
    assert found.continues is not None
    assert {piece for piece, id in pieces.items() if found.continues[id]} == {"##e", "##aff", "##able"}
    assert dynamic_masking.of_vocabulary(tokenizer, Pretrain()).continues is None
    lines, _ = tiny.texts(50, 1)
    with pytest.raises(UserError, match="whole_words, but no piece of the vocabulary has a ##"):
        dynamic_masking.of_vocabulary(small_encoders.tokenizer("roberta", lines), Pretrain(whole_words=True))
