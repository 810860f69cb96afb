"""Words that a generator replaces: drawn from its probabilities, a function of seed and step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from bertfit.batching import packing
from bertfit.batching.dynamic_masking import Masking
from bertfit.batching.packing import MaskedBatch
from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face.transformers_encoder import attention_of
from bertfit.hugging_face.transformers_masked import MaskedModel
from bertfit.model.replaced_tokens import WordReplacement
from helpers import small_encoders

SPECIAL = (0, 1, 2, 3, 4)
LENGTHS = np.array([12, 30, 40])


def batch() -> MaskedBatch:
    ids = np.random.default_rng(1).integers(5, small_encoders.WORDS, LENGTHS.sum()).astype(np.int32)
    ids[np.cumsum(LENGTHS) - LENGTHS], ids[np.cumsum(LENGTHS) - 1] = 2, 3
    empty = np.zeros(0, np.int64)
    return MaskedBatch(
        input_ids=ids,
        token_types=np.zeros(len(ids), np.int32),
        position_ids=packing.positions(LENGTHS),
        lengths=LENGTHS,
        masked=empty,
        targets=empty,
        random_next=np.zeros(len(LENGTHS), np.int64),
    )


@pytest.fixture(scope="module")
def generator() -> MaskedModel:
    whole = small_encoders.model("electra", AutoModelForMaskedLM, attention=attention_of(FAMILIES["electra"]))
    return MaskedModel(whole, FAMILIES["electra"]).eval()


def replacement(generator: MaskedModel, share: float = 0.15) -> WordReplacement:
    entries = np.arange(small_encoders.WORDS, dtype=np.int32)
    return WordReplacement(generator, Masking(share=share, most=1000, mask=4, special=SPECIAL, entries=entries))


def test_labels_say_which_tokens_are_others(generator: MaskedModel) -> None:
    given = batch()
    found = replacement(generator).replaced(given, 1, 5)
    real = np.flatnonzero(~np.isin(given.input_ids, SPECIAL))
    assert np.array_equal(found.masked, real) and set(found.targets) == {0, 1}
    assert np.array_equal(found.targets, (found.input_ids != given.input_ids)[real])
    assert 1 <= found.targets.sum() <= round(0.15 * len(real)) + len(LENGTHS)
    again, other = replacement(generator).replaced(given, 1, 5), replacement(generator).replaced(given, 1, 6)
    assert np.array_equal(found.input_ids, again.input_ids) and not np.array_equal(found.input_ids, other.input_ids)


def test_words_are_drawn_from_the_probabilities(generator: MaskedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a generator that gives two words 1/4 and 3/4."""
    logits = torch.full((small_encoders.WORDS,), -30.0)
    logits[10], logits[20] = np.log(0.25), np.log(0.75)
    monkeypatch.setattr(generator, "words", lambda hidden: logits.expand(len(hidden), -1))
    filled = [replacement(generator, share=1.0).replaced(batch(), step) for step in range(40)]
    drawn = np.concatenate([one.input_ids[one.masked] for one in filled])
    assert set(drawn) == {10, 20} and np.mean(drawn == 20) == pytest.approx(0.75, abs=0.03)
