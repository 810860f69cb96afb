from __future__ import annotations

import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from bertfit.config.hyperparameters import Finetune
from bertfit.model.bert import Bert
from bertfit.model.packed_encoder import PackedEncoder
from bertfit.training import optimizer
from bertfit.training.schedules import Schedule
from helpers.reference import BertAdam, clip_scale

SmallEncoder = type("SmallEncoder", (nn.Module,), {"part_of": Bert.part_of})
PackedEncoder.register(SmallEncoder)


class Small(nn.Module):
    """Parameter names of a BERT classifier with three layers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = SmallEncoder()
        self.encoder.embeddings = nn.Module()
        self.encoder.embeddings.word_embeddings = nn.Embedding(3, 2)
        self.encoder.embeddings.LayerNorm = nn.LayerNorm(2)
        self.encoder.encoder = nn.Module()
        self.encoder.encoder.layer = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
        self.output = nn.Linear(2, 2)


@pytest.mark.parametrize(("embeddings", "expected"), [("base", 2e-5), ("decayed", 2e-5 * 0.95**3)])
def test_layer_wise_rates(embeddings, expected):
    groups = optimizer.param_groups(Small(), lr=2e-5, weight_decay=0.01, layer_decay=0.95, embeddings=embeddings)
    rates = {name: (group.lr, group.weight_decay) for group in groups for name in group.parameters}
    assert rates["encoder.embeddings.word_embeddings.weight"] == pytest.approx((expected, 0.01))
    assert rates["encoder.embeddings.LayerNorm.weight"] == pytest.approx((expected, 0))
    for layer, power in ((0, 2), (1, 1), (2, 0)):
        assert rates[f"encoder.encoder.layer.{layer}.weight"] == pytest.approx((2e-5 * 0.95**power, 0.01))
        assert rates[f"encoder.encoder.layer.{layer}.bias"] == pytest.approx((2e-5 * 0.95**power, 0))
    assert rates["output.weight"] == (2e-5, 0.01) and rates["output.bias"] == (2e-5, 0)
    assert len(rates) == len(list(Small().parameters()))
    assert "layer 1" in optimizer.describe(groups) and "1.9e-05" in optimizer.describe(groups)


def test_a_cut_encoder_keeps_the_rates_of_the_whole_one():
    model = Small()
    model.encoder.encoder.layer = model.encoder.encoder.layer[:2]
    groups = optimizer.param_groups(model, lr=1.0, weight_decay=0, layer_decay=0.5, embeddings="decayed", depth=24)
    rates = {group.name: group.lr for group in groups}
    assert rates == {"embeddings": 0.5**24, "layer 0": 0.5**23, "layer 1": 0.5**22, "head": 1.0}


def test_frozen_parameters_are_in_no_group():
    model = Small()
    model.encoder.embeddings.requires_grad_(False)
    model.encoder.encoder.layer[0].requires_grad_(False)
    groups = optimizer.param_groups(model, lr=1.0, weight_decay=0.1, layer_decay=0.5)
    assert [(group.name, group.lr, group.weight_decay, list(group.parameters)) for group in groups] == [
        ("layer 1", 0.5, 0.1, ["encoder.encoder.layer.1.weight"]),
        ("layer 1", 0.5, 0.0, ["encoder.encoder.layer.1.bias"]),
        ("layer 2", 1.0, 0.1, ["encoder.encoder.layer.2.weight"]),
        ("layer 2", 1.0, 0.0, ["encoder.encoder.layer.2.bias"]),
        ("head", 1.0, 0.1, ["output.weight"]),
        ("head", 1.0, 0.0, ["output.bias"]),
    ]


@pytest.mark.parametrize("layers", [1, 6, 24])
def test_describe_has_a_line_a_group_at_any_depth(layers):
    model = Small()
    model.encoder.encoder.layer = nn.ModuleList(nn.Linear(2, 2) for _ in range(layers))
    groups = optimizer.param_groups(model, lr=2e-5, weight_decay=0.01, layer_decay=0.95)
    heading, *lines = optimizer.describe(groups).splitlines()
    assert heading.split() == ["group", "lr", "decay", "tensors", "weights"] and len(lines) == 2 * (layers + 2)
    assert len({len(line) for line in (heading, *lines)}) == 1
    for i in range(layers):
        rate = f"{2e-5 * 0.95 ** (layers - 1 - i):.4g}"
        assert lines[2 + 2 * i].split() == ["layer", str(i), rate, "0.01", "1", "4"]
        assert lines[3 + 2 * i].split() == ["layer", str(i), rate, "0", "1", "2"]
    assert lines[0].split() == ["embeddings", "2e-05", "0.01", "1", "6"]
    assert lines[-2].split() == ["head", "2e-05", "0.01", "1", "4"]


def test_layer_decay_of_one_is_plain_training():
    """xi = 1: many groups of one rate train to the bits of a single group."""
    start = Small().double()
    found = []
    for decay, wise in ((1.0, True), (1.0, False), (0.9, True)):
        model = copy.deepcopy(start)
        groups = optimizer.param_groups(model, lr=0.01, weight_decay=0.1, layer_decay=decay)
        if not wise:
            named = dict(model.named_parameters())
            plain = {name for name in named if name.endswith("bias") or "LayerNorm" in name}
            groups = [
                optimizer.Group("decayed", 0.01, 0.1, {name: named[name] for name in named if name not in plain}),
                optimizer.Group("not decayed", 0.01, 0.0, {name: named[name] for name in plain}),
            ]
        adam = optimizer.BertAdam(groups, Schedule(5, 0.2), clip="tensor", max_norm=1)
        for step in range(5):
            for number, weight in enumerate(model.parameters()):
                weight.grad = torch.sin(step + number + torch.arange(weight.numel()).double()).view_as(weight)
            adam.step(step)
        found.append([weight.detach() for weight in model.parameters()])
    layerwise, single, decayed = found
    assert all(torch.equal(one, other) for one, other in zip(layerwise, single, strict=True))
    assert not torch.equal(decayed[3], single[3]) and torch.equal(decayed[-1], single[-1])


def one_weight(value: float, *, lr: float, decay: float) -> tuple[nn.Parameter, optimizer.Group]:
    weight = nn.Parameter(torch.tensor([value], dtype=torch.float64))
    return weight, optimizer.Group("w", lr, decay, {"w": weight})


def test_two_updates_by_hand():
    weight, group = one_weight(2.0, lr=0.1, decay=0.01)
    adam = optimizer.BertAdam([group], Schedule(10, 0.0), clip="global", max_norm=100)
    weight.grad = torch.tensor([3.0], dtype=torch.float64)
    adam.step(0)  # rate 0.1; m = 0.3, v = 0.009
    first = 2.0 - 0.1 * (0.3 / (math.sqrt(0.009) + 1e-6) + 0.01 * 2.0)
    assert weight.item() == pytest.approx(first, abs=1e-12)
    assert weight.grad is None
    weight.grad = torch.tensor([-1.0], dtype=torch.float64)
    adam.step(1)  # rate 0.09; m = 0.27 - 0.1, v = 0.008991 + 0.001
    second = first - 0.09 * (0.17 / (math.sqrt(0.009991) + 1e-6) + 0.01 * first)
    assert weight.item() == pytest.approx(second, abs=1e-12)


def test_two_bias_corrected_updates_by_hand():
    weight, group = one_weight(2.0, lr=0.1, decay=0.01)
    adam = optimizer.BertAdam([group], Schedule(10, 0.0), clip="global", max_norm=100, bias_correction=True)
    weight.grad = torch.tensor([3.0], dtype=torch.float64)
    adam.step(0)  # m / 0.1 = 3, v / 0.001 = 9
    first = 2.0 - 0.1 * (3 / (3 + 1e-6) + 0.01 * 2.0)
    assert weight.item() == pytest.approx(first, abs=1e-12)
    weight.grad = torch.tensor([-1.0], dtype=torch.float64)
    adam.step(1)  # m = 0.17, over 1 - 0.9 ** 2; v = 0.009991, over 1 - 0.999 ** 2
    second = first - 0.09 * (0.17 / 0.19 / (math.sqrt(0.009991 / 0.001999) + 1e-6) + 0.01 * first)
    assert weight.item() == pytest.approx(second, abs=1e-12)


def test_bias_corrected_updates_equal_torch_s():
    draw = torch.Generator().manual_seed(2)
    weight = nn.Parameter(torch.randn(5, generator=draw, dtype=torch.float64))
    reference = nn.Parameter(weight.detach().clone())
    schedule = Schedule(40, 0.25, kind="continuous")
    group = optimizer.Group("w", 0.05, 0.01, {"w": weight})
    mine = optimizer.BertAdam([group], schedule, clip="global", max_norm=0.5, bias_correction=True)
    theirs = torch.optim.AdamW([reference], lr=0.05, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(theirs, schedule.factor)
    for step in range(40):
        gradient = torch.randn(5, generator=draw, dtype=torch.float64)
        weight.grad, reference.grad = gradient.clone(), gradient.clone()
        mine.step(step)
        nn.utils.clip_grad_norm_(reference, 0.5)
        theirs.step()
        rate.step()
        torch.testing.assert_close(weight.detach(), reference.detach(), rtol=0, atol=1e-12)


def test_a_rate_of_zero_changes_nothing_but_the_moments():
    weight, group = one_weight(2.0, lr=0.1, decay=0.01)
    adam = optimizer.BertAdam([group], Schedule(10, 0.5), clip="tensor", max_norm=1)
    weight.grad = torch.tensor([3.0], dtype=torch.float64)
    adam.step(0)  # the first update of the official schedule; clipped to 1
    assert weight.item() == 2.0
    assert adam.moments()["m/w"].item() == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize("clip", ["tensor", "global"])
def test_fifty_updates_equal_the_plain_ones(clip):
    draw = torch.Generator().manual_seed(3)
    shapes = {"encoder.layer.0.weight": (4, 3), "encoder.layer.0.bias": (4,), "output.weight": (2, 4)}
    weights = {
        name: nn.Parameter(torch.randn(shape, generator=draw, dtype=torch.float64)) for name, shape in shapes.items()
    }
    groups = [
        optimizer.Group("a", 0.01, 0.01, {"encoder.layer.0.weight": weights["encoder.layer.0.weight"]}),
        optimizer.Group("b", 0.01, 0.0, {"encoder.layer.0.bias": weights["encoder.layer.0.bias"]}),
        optimizer.Group("c", 0.02, 0.01, {"output.weight": weights["output.weight"]}),
    ]
    plain = {name: weight.detach().clone() for name, weight in weights.items()}
    references = {name: BertAdam(weight) for name, weight in plain.items()}
    schedule = Schedule(60, 0.1)
    adam = optimizer.BertAdam(groups, schedule, clip=clip, max_norm=1.0)
    for step in range(50):
        gradients = {
            name: torch.randn(shape, generator=draw, dtype=torch.float64) * 0.6 for name, shape in shapes.items()
        }
        whole = torch.cat([gradient.flatten() for gradient in gradients.values()]).norm()
        for group in groups:
            for name, weight in group.parameters.items():
                weight.grad = gradients[name].clone()
                scale = clip_scale(gradients[name].norm() if clip == "tensor" else whole, 1.0)
                rate = group.lr * schedule.factor(step)
                plain[name] = references[name].step(plain[name], gradients[name], rate, group.weight_decay, scale)
        adam.step(step)
    for name, weight in weights.items():
        torch.testing.assert_close(weight.detach(), plain[name], rtol=0, atol=1e-12)


def test_global_clipping_by_hand():
    gradients = [torch.tensor([3.0]), torch.tensor([0.0, 4.0])]  # common norm 5
    optimizer.clip_(gradients, 1.0, "global")
    assert gradients[0].tolist() == pytest.approx([0.6]) and gradients[1].tolist() == pytest.approx([0, 0.8])
    optimizer.clip_(gradients, 1.1, "global")
    assert gradients[0].tolist() == pytest.approx([0.6])


def test_tensor_clipping_equals_torch_s():
    draw = torch.Generator().manual_seed(1)
    gradients = [torch.randn(7, generator=draw) * scale for scale in (0.1, 1, 10)]
    expected = [gradient.clone() for gradient in gradients]
    for gradient in expected:
        parameter = nn.Parameter(torch.zeros(7))
        parameter.grad = gradient
        nn.utils.clip_grad_norm_(parameter, 1.0)
    optimizer.clip_(gradients, 1.0, "tensor")
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("bias_correction", [False, True])
def test_restored_moments_resume_bit_identically(bias_correction):
    def train(weight: nn.Parameter, adam: optimizer.BertAdam, steps: range) -> None:
        for step in steps:
            weight.grad = torch.tensor([math.sin(step + 1.0)], dtype=torch.float64)
            adam.step(step)

    schedule = Schedule(20, 0.1)
    weight, group = one_weight(1.0, lr=0.1, decay=0.01)
    whole = optimizer.BertAdam([group], schedule, clip="tensor", max_norm=1, bias_correction=bias_correction)
    train(weight, whole, range(7))
    value, moments = weight.item(), {name: each.clone() for name, each in whole.moments().items()}
    train(weight, whole, range(7, 20))
    again, group = one_weight(value, lr=0.1, decay=0.01)
    resumed = optimizer.BertAdam([group], schedule, clip="tensor", max_norm=1, bias_correction=bias_correction)
    resumed.restore(moments, 7)
    train(again, resumed, range(7, 20))
    assert again.item() == weight.item()


def test_a_model_without_layers_has_the_base_rate():
    model = SmallEncoder()
    model.embeddings = nn.Module()
    model.embeddings.word_embeddings = nn.Embedding(3, 2)
    (group,) = optimizer.param_groups(model, lr=1.0, weight_decay=0, layer_decay=0.5, embeddings="decayed")
    assert (group.name, group.lr) == ("embeddings", 1)


def test_every_key_of_a_recipe_reaches_the_optimiser():
    recipe = Finetune(
        lr=0.5, weight_decay=0.25, layer_decay=0.5, embeddings="decayed", warmup=0.2, reproduce_negative_lr=True,
        schedule="continuous", clip_by="global", clip=2, bias_correction=True,
    )  # fmt: skip
    adam = optimizer.for_recipe(Small(), recipe, 70, depth=24)
    assert adam.schedule == Schedule(70, 0.2, True, "continuous")
    assert (adam.clip, adam.max_norm, adam.bias_correction) == ("global", 2, True)
    rates = {group.name: group.lr for group in adam.groups}
    assert rates["embeddings"] == 0.5 * 0.5**24 and rates["layer 1"] == 0.5 * 0.5**22 and rates["head"] == 0.5
    assert {group.weight_decay for group in adam.groups} == {0, 0.25}
    assert [adam.lr(step) for step in (7, 14, 77)] == pytest.approx([0.25, 0.5, -0.0625])
    usual = optimizer.for_recipe(Small(), Finetune(), 70)
    assert usual.schedule == Schedule(70, 0.1) and usual.lr(35) == pytest.approx(1e-5)
    assert (usual.clip, usual.max_norm, usual.bias_correction) == ("tensor", 1, False)


def test_copies_bring_the_gradients_and_follow_the_weights():
    weight, group = one_weight(2.0, lr=0.1, decay=0.01)
    half = SimpleNamespace(
        values=torch.zeros(1, dtype=torch.bfloat16),
        gradient=torch.tensor([3.0], dtype=torch.bfloat16),
        shared=SimpleNamespace(grad=torch.ones(1)),
    )
    adam = optimizer.BertAdam([group], Schedule(10, 0.0), clip="global", max_norm=100)
    assert not adam.has_copies
    adam.use_copies({weight: half}, fused=False)
    weight.data = weight.data.float()
    adam.step(0)
    assert adam.has_copies
    expected = 2.0 - 0.1 * (0.3 / (math.sqrt(0.009) + 1e-6) + 0.01 * 2.0)
    assert weight.item() == pytest.approx(expected, rel=1e-6)
    assert half.values.item() == pytest.approx(expected, rel=2**-8) and half.shared.grad is None
    half.values.zero_()
    adam.restore({name: moment.clone() for name, moment in adam.moments().items()}, 1)
    assert half.values.item() == pytest.approx(expected, rel=2**-8)


@pytest.mark.parametrize(("corrected", "expected"), [(False, [1, 1]), (True, [1 - 0.9**3, 1 - 0.999**3])])
def test_bias_corrections_that_the_cuda_kernel_reads(corrected, expected):
    _, group = one_weight(1.0, lr=0.1, decay=0)
    schedule = Schedule(10, 0.0)
    adam = optimizer.BertAdam([group], schedule, clip="tensor", max_norm=1, bias_correction=corrected)
    adam.set_rates(2)
    assert adam._rates.tolist() == pytest.approx([*expected, 0.08])
