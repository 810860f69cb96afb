from __future__ import annotations

import numpy as np
import pytest
import torch

from bertfit.batching.packing import collate
from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head, dropout
from bertfit.model.dropout import Dropout, Noise


def test_noise_makes_training_a_function_of_the_step(corpus, folder):
    encoder = hf_encoder.load_encoder(folder)
    recipe = Finetune(max_length=24, head_tokens=6, dropout=0.5, attention_dropout=0.5)
    model = classifier_head.Classifier(encoder, 3, recipe, seed=5).train()
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
