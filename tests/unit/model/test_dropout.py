from __future__ import annotations

import pytest
import torch

from bertfit.batching.packing import collate
from bertfit.config.hyperparameters import Finetune
from bertfit.model import dropout, hf_encoder, packed_bert


def test_noise_makes_training_a_function_of_the_step(corpus, folder):
    encoder = hf_encoder.load_encoder(folder)
    recipe = Finetune(max_length=24, head_tokens=6, dropout=0.5, attention_dropout=0.5)
    model = packed_bert.Classifier(encoder, 3, recipe, seed=5).train()
    batch = collate(corpus, [1, 2, 3], recipe)

    def logits(step: int) -> torch.Tensor:
        model.noise.reseed(1, step)
        return model(batch)

    first = logits(7)
    assert not torch.equal(logits(8), first) and torch.equal(logits(7), first)


@pytest.mark.parametrize("p", [1.0, 1 - 2.0**-18])
def test_dropout_of_everything_keeps_nothing(p):
    """As torch's does, also where 16 bits tell it no more from 1."""
    layer = dropout.Dropout(p, dropout.Noise()).train()
    assert layer(torch.ones(3, 5)).tolist() == torch.zeros(3, 5).tolist()
    assert torch.equal(layer.eval()(torch.ones(3, 5)), torch.ones(3, 5))
