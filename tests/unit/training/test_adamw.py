"""The function updates as torch's class does, bit for bit."""

from __future__ import annotations

import torch
from torch import nn

from bertfit.training import adamw
from bertfit.training.adamw import Moments


def test_an_update_is_that_of_torch_s_class() -> None:
    draw = torch.Generator().manual_seed(1)
    ours = [nn.Parameter(torch.randn(shape, generator=draw)) for shape in ((300, 7), (5,), (2, 2))]
    theirs = [nn.Parameter(parameter.detach().clone()) for parameter in ours]
    moments = {
        parameter: Moments(torch.zeros(()), torch.zeros_like(parameter), torch.zeros_like(parameter))
        for parameter in ours
    }
    rate = torch.tensor(0.01, dtype=torch.float64)
    reference = torch.optim.AdamW(theirs, lr=rate, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.1, fused=True)
    for step in range(3):
        for one, other in zip(ours[:2], theirs, strict=False):  # the last one has no gradient
            one.grad = torch.randn(one.shape, generator=draw)
            other.grad = one.grad.clone()
        rate.fill_(0.01 / (step + 1))
        adamw.update(ours, moments, lr=rate, weight_decay=0.1, beta1=0.9, beta2=0.999, epsilon=1e-6)
        reference.step()
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(ours[:2], theirs, strict=False):
        state = reference.state[other]
        assert torch.equal(moments[one].first, state["exp_avg"])
        assert torch.equal(moments[one].second, state["exp_avg_sq"])
        assert float(moments[one].updates) == 3
    assert float(moments[ours[2]].updates) == 0
