"""On the CPU, whose autocast computes in bfloat16 as CUDA's does."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from bertfit.batching import model_inputs, packing
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head, half_weights, pretrainer
from bertfit.tokens import instance_file, token_file
from helpers import tiny

CPU = torch.device("cpu")
PRETRAIN = Pretrain(max_length=32, max_predictions=4, dropout=0, attention_dropout=0)
RECIPE = Finetune(max_length=32, head_tokens=8, batch_size=4, dropout=0, attention_dropout=0)
KINDS = {"hier-attention": {"truncation": "hier-attention"}, "pooler": {"pooler": True}, "frozen": {"frozen": 1}}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.training_inputs(tmp_path_factory.mktemp("inputs"), PRETRAIN)


def model_and_loss(kind, inputs):
    """A model, and a function that computes its loss."""
    if kind == "pretrain":
        model = pretrainer.Pretrainer(hf_encoder.scratch(tiny.SHAPE, tiny.WORDS + 5, 1), PRETRAIN)
        batch = packing.collate_masked(instance_file.read(inputs / "train.instances"), range(4))
        of_batch = model_inputs.on_device(model_inputs.instances(batch), CPU)
        return model, lambda: sum(pretrainer.pretraining_scores(*model.logits(of_batch), of_batch)[:2])
    recipe = RECIPE.model_copy(update=KINDS[kind])
    encoder = hf_encoder.load_encoder(inputs / "encoder", pooler=recipe.pooler)
    model = classifier_head.Classifier(encoder, 3, recipe, seed=5)
    batch = packing.collate(token_file.read(inputs / "train.arrow"), range(6), recipe)
    of_batch = model_inputs.on_device(model_inputs.documents(batch), CPU)
    return model, lambda: nn.functional.cross_entropy(model.logits(of_batch).float(), of_batch.labels.long())


def gradients_of(kind, inputs, *, half: bool, autocast: bool = True):
    """Loss, gradients by name, and names of the parameters that have a copy."""
    model, loss_of = model_and_loss(kind, inputs)
    model.train()
    copies = half_weights.install(model) if half else {}
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = loss_of()
    loss.backward()
    named = dict(model.named_parameters())
    gradients = {
        name: copies[parameter].gradient if parameter in copies else parameter.grad for name, parameter in named.items()
    }
    found = {name: gradient.float() for name, gradient in gradients.items() if gradient is not None}
    return loss.item(), found, {name for name, parameter in named.items() if parameter in copies}


@pytest.mark.parametrize("kind", [*KINDS, "pretrain"])
def test_loss_and_gradients_are_those_of_autocast(inputs, kind):
    """To the bit above the highest self-attention; below it, where three products are one, to three times its error."""
    _, exact, _ = gradients_of(kind, inputs, half=False, autocast=False)
    plain_loss, plain, _ = gradients_of(kind, inputs, half=False)
    loss, ours, copied = gradients_of(kind, inputs, half=True)
    assert loss == plain_loss and ours.keys() == plain.keys() == exact.keys()
    for name, gradient in ours.items():
        error, usual = ((side[name] - exact[name]).norm() for side in (ours, plain))
        assert error <= 3 * usual + 1e-9, name
        if "layer.1." in name and "attention.self" not in name:
            assert torch.equal(gradient, plain[name]), name
    assert not any("LayerNorm" in name or "embeddings" in name or "decoder.weight" in name for name in copied)
    assert any("query.weight" in name for name in copied)
    assert not any(".layer.0." in name for name in copied) or kind != "frozen"


def test_copies_share_what_is_one_product(inputs):
    model, _ = model_and_loss("pooler", inputs)
    copies = half_weights.install(model)
    attention = model.encoder.encoder.layer[0].attention.self
    parts = [copies[linear.weight] for linear in (attention.query, attention.key, attention.value)]
    assert all(part.shared is attention.half_weight for part in parts)
    width = tiny.SHAPE.hidden
    assert [(part.rows.start, part.rows.stop) for part in parts] == [
        (0, width),
        (width, 2 * width),
        (2 * width, 3 * width),
    ]
    for parameter, copy in copies.items():
        assert torch.equal(copy.values, parameter.detach().bfloat16()) and copy.gradient is None
    assert not any("half" in name for name in model.state_dict())
    assert len(copies) == sum(2 for module in model.modules() if isinstance(module, nn.Linear))


class Casts(TorchDispatchMode):
    """Counts casts between float32 and bfloat16."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        if function is torch.ops.aten._to_copy.default and {arguments[0].dtype, result.dtype} == {
            torch.float32,
            torch.bfloat16,
        }:
            self.count += 1
        return result


def test_no_weight_and_no_gradient_is_cast(inputs):
    """Two casts less for each copy, one of the weight and one of its gradient."""
    counts, copies = [], {}
    for half in (False, True):
        model, loss_of = model_and_loss("pretrain", inputs)
        copies = half_weights.install(model.train()) if half else {}
        with Casts() as casts:
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of()
            loss.backward()
        counts.append(casts.count)
    assert counts[0] - counts[1] >= 2 * len(copies) >= 60
