"""The kernel is interpreted on the CPU, except on a machine with a GPU."""

import os

import numpy as np
import pytest
import torch
from torch import nn

from bertfit.model.half_weights import HalfCopy
from bertfit.training import optimizer
from bertfit.training.optimizer import BertAdam, Group
from bertfit.training.schedules import Schedule

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if DEVICE.type == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"
fused_update = pytest.importorskip("bertfit.training.fused_update", reason="Triton is not installed")

SHAPES = {"joint.a": (4, 8), "joint.b": (4, 8), "alone": (5000,), "odd": (3, 7), "plain": (9, 4), "unused": (2, 2)}
COPIED = ("joint.a", "joint.b", "alone", "odd")


def bfloat16(values: torch.Tensor) -> torch.Tensor:
    """As the kernel rounds: to the nearest on a GPU, towards zero in Triton's interpreter."""
    if DEVICE.type == "cpu":
        values = (values.contiguous().view(torch.int32) & -65536).view(torch.float32)
    return values.bfloat16()


def parameters() -> dict[str, nn.Parameter]:
    draw = torch.Generator().manual_seed(1)
    return {name: nn.Parameter(torch.randn(*shape, generator=draw).to(DEVICE)) for name, shape in SHAPES.items()}


def copies_of(named: dict[str, nn.Parameter]) -> dict[nn.Parameter, HalfCopy]:
    joint = torch.cat([named["joint.a"].detach(), named["joint.b"].detach()]).bfloat16().requires_grad_()
    alone = {name: named[name].detach().bfloat16().requires_grad_() for name in ("alone", "odd")}
    return {
        named["joint.a"]: HalfCopy(joint, slice(0, 4)),
        named["joint.b"]: HalfCopy(joint, slice(4, 8)),
        **{named[name]: HalfCopy(shared, slice(0, len(shared))) for name, shared in alone.items()},
    }


def adam(clip: optimizer.Clip, bias_correction: bool, *, fused: bool):
    named = parameters()
    groups = [
        Group("a", 1e-2, 0.01, {name: named[name] for name in ("joint.a", "alone", "plain")}),
        Group("b", 3e-3, 0.0, {name: named[name] for name in ("joint.b", "odd", "unused")}),
    ]
    made = BertAdam(groups, Schedule(20, 0.1), clip=clip, max_norm=1.0, bias_correction=bias_correction)
    copies = copies_of(named)
    made.use_copies(copies, fused=fused)
    return named, copies, made


def give_gradients(named, copies, step: int) -> None:
    draw = torch.Generator().manual_seed(100 + step)
    for name, parameter in named.items():
        gradient = torch.randn(*parameter.shape, generator=draw).to(DEVICE) * (0.01 if name == "odd" else 1)
        if name in COPIED:
            copy = copies[parameter]
            if copy.shared.grad is None:
                copy.shared.grad = torch.zeros_like(copy.shared)
            copy.shared.grad[copy.rows] = gradient.bfloat16()
        elif name != "unused":
            parameter.grad = gradient


@pytest.mark.parametrize("bias_correction", [False, True])
@pytest.mark.parametrize("clip", ["tensor", "global"])
def test_updates_equal_those_of_torch(clip, bias_correction):
    """Weights, moments and copies after five updates, a schedule, two rates, and norms above and below the bound."""
    sides = []
    for fused in (False, True):
        named, copies, made = adam(clip, bias_correction, fused=fused)
        for step in range(5):
            give_gradients(named, copies, step)
            made.step(step)
        assert all(parameter.grad is None for parameter in named.values())
        assert all(copy.shared.grad is None for copy in copies.values())
        values = {name: parameter.detach() for name, parameter in named.items()} | made.moments()
        sides.append((values, [copy.values for copy in copies.values()], copies))
    (plain, _, _), (fused_values, halves, copies) = sides
    assert plain.keys() == fused_values.keys() and "m/unused" not in plain
    for name, value in plain.items():
        # Triton's division and root on a GPU are correct to two units in the last place
        torch.testing.assert_close(fused_values[name], value, rtol=1e-5, atol=1e-6, msg=name)
    assert torch.equal(fused_values["unused"], parameters()["unused"])
    assert all(torch.equal(copy.values, bfloat16(parameter.detach())) for parameter, copy in copies.items())
    assert not torch.equal(halves[0], parameters()["joint.a"].bfloat16())


def test_an_update_by_hand():
    """One weight of 2, gradient 4, norm bound 1: clipped to 1; m = 0.1, v = 0.001, rate 1e-2."""
    weight = nn.Parameter(torch.full((1, 1), 2.0, device=DEVICE))
    made = BertAdam([Group("a", 1e-2, 0.5, {"w": weight})], Schedule(10, 0.0), clip="tensor", max_norm=1.0)
    copy = HalfCopy(weight.detach().bfloat16().requires_grad_(), slice(0, 1))
    made.use_copies({weight: copy}, fused=True)
    copy.shared.grad = torch.full((1, 1), 4.0, dtype=torch.bfloat16, device=DEVICE)
    made.step(0)
    expected = 2 - 1e-2 * (0.1 / (np.sqrt(0.001) + 1e-6) + 0.5 * 2)
    assert weight.item() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(copy.values, bfloat16(weight.detach()))
    moments = made.moments()
    assert moments["m/w"].item() == pytest.approx(0.1, rel=1e-5)
    assert moments["v/w"].item() == pytest.approx(0.001, rel=1e-5)


def test_compiling_updates_nothing():
    named, copies, made = adam("tensor", False, fused=True)
    give_gradients(named, copies, 0)
    made.set_rates(0)
    made.prepare()
    for name, parameter in parameters().items():
        assert torch.equal(named[name], parameter)
