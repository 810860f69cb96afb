"""AdamW by torch's fused kernel, called as a function.

The class `torch.optim.AdamW` calls the same kernel, but imports torch's compiler when it is created: more than a second
of each job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw


@dataclass(frozen=True)
class Moments:
    """What the kernel knows of a parameter; it changes all three in place."""

    updates: Tensor
    """() float32: how many there were"""
    first: Tensor
    second: Tensor


@torch.no_grad()
def update(
    parameters: Iterable[nn.Parameter],
    moments: Mapping[nn.Parameter, Moments],
    *,
    lr: Tensor,
    weight_decay: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """Update those of ``parameters``, of one device, that have a gradient; ``lr`` () is on their device."""
    gradients = {parameter: parameter.grad for parameter in parameters if parameter.grad is not None}
    of_parameters = [moments[parameter] for parameter in gradients]
    adamw(
        list[Tensor](gradients),
        list(gradients.values()),
        [each.first for each in of_parameters],
        [each.second for each in of_parameters],
        [],
        [each.updates for each in of_parameters],
        fused=True,
        capturable=lr.is_cuda,
        amsgrad=False,
        beta1=beta1,
        beta2=beta2,
        lr=lr,
        weight_decay=weight_decay,
        eps=epsilon,
        maximize=False,
    )
