"""Losses of pre-training on packed batches, against those of a padded model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bertfit.batching.model_inputs import instances, on_device
from bertfit.batching.packing import MaskedBatch, positions
from bertfit.config.hyperparameters import Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.model import pretrainer
from helpers import reference, tiny
from helpers.reference import by_name

NEARLY_NONE = 1e-6  # of attention dropout: takes the grouped way and drops nothing, as draws have 16 bits


def masked_batch(seed: int) -> MaskedBatch:
    draw = np.random.default_rng(seed)
    lengths = np.array([6, 9, 9, 14])
    starts = np.cumsum(lengths) - lengths
    return MaskedBatch(
        input_ids=draw.integers(5, 85, lengths.sum()).astype(np.int32),
        token_types=(positions(lengths) >= 4).astype(np.int32),
        position_ids=positions(lengths),
        lengths=lengths,
        masked=np.concatenate([start + np.array([1, 3]) for start in starts]),
        targets=draw.integers(5, 85, 8),
        random_next=np.array([0, 1, 1, 0]),
    )


@pytest.mark.parametrize("attention_dropout", [0.0, NEARLY_NONE], ids=["per-document", "grouped"])
def test_masked_only_head_equals_the_full_head(attention_dropout):
    batch = masked_batch(1)
    source = hf_encoder.scratch(tiny.SHAPE, 85, 1)
    settings = Pretrain(dropout=0, attention_dropout=attention_dropout)
    model = pretrainer.Pretrainer(hf_encoder.scratch(tiny.SHAPE, 85, 1), settings).train()
    inputs = on_device(instances(batch), torch.device("cpu"))
    mlm, nsp, mlm_right, nsp_right = pretrainer.pretraining_scores(*model.logits(inputs), inputs)
    (mlm + nsp).backward()

    plain, words, follow_logits = reference.pretrained(source.eval(), batch)
    full, follows = reference.pretraining_losses(words, follow_logits, batch)
    assert float(mlm) == pytest.approx(float(full), abs=1e-6)
    assert float(nsp) == pytest.approx(float(follows), abs=1e-6)
    assert int(mlm_right) == int((words[batch.masked].argmax(1) == torch.from_numpy(batch.targets)).sum())
    assert int(nsp_right) == int((follow_logits.argmax(1) == torch.from_numpy(batch.random_next)).sum())
    (full + follows).backward()
    mine, wanted = by_name(model.model), by_name(plain)
    assert mine.keys() == wanted.keys()
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=0, atol=1e-6)


def test_masked_words_alone_leave_next_sentence_prediction_out():
    inputs = on_device(instances(masked_batch(1)), torch.device("cpu"))
    both, alone = (
        pretrainer.Pretrainer(hf_encoder.scratch(tiny.SHAPE, 85, 1), Pretrain(objective=objective)).eval()
        for objective in ("mlm+nsp", "mlm")
    )
    words, follows = alone.logits(inputs)
    assert follows is None and torch.equal(words, both.logits(inputs)[0])
    loss, next_loss, right, next_right = pretrainer.pretraining_scores(words, follows, inputs)
    assert loss > 0 and next_loss == 0 and next_right == 0 and right <= 8
    loss.backward()
    untouched = {name for name, weight in alone.named_parameters() if weight.grad is None}
    assert untouched == {
        f"model.{name}.{kind}" for name in ("bert.pooler.dense", "cls.seq_relationship") for kind in ("weight", "bias")
    }
