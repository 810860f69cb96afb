"""Which layers a classifier reads, its pooler, and layers that are not trained."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bertfit.batching import packing
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head
from bertfit.tokens.truncation import truncate
from bertfit.training import optimizer
from bertfit.training.schedules import Schedule
from helpers import reference, tiny
from helpers.reference import by_name, pool

RECIPE = Finetune(max_length=24, head_tokens=6, fractions=3, dropout=0, attention_dropout=0, head_init=0.5)


@pytest.fixture(scope="module")
def deep(tmp_path_factory, words):
    """An encoder of five layers, with pooler."""
    shape = Shape(layers=5, hidden=16, heads=2, intermediate=32, positions=40, initializer_range=0.2)
    model = hf_encoder.scratch(shape, tiny.WORDS + 5, 2)
    folder = tmp_path_factory.mktemp("encoders") / "deep"
    hf_encoder.save(model, words, folder, {})
    return hf_encoder.load_encoder(folder, pooler=True)


@pytest.mark.parametrize("truncation", ["head+tail", "hier-attention"])
@pytest.mark.parametrize("combine", ["concat", "mean", "max"])
@pytest.mark.parametrize(
    ("layers", "expected"),
    [("last", [4]), ("all", [0, 1, 2, 3, 4]), ("first3", [0, 1, 2]), ("last2", [3, 4]), ("0", [0]), ("2", [2])],
)
def test_layers_are_read_as_transformers_gives_them(corpus, deep, layers, expected, combine, truncation):
    recipe = RECIPE.model_copy(update={"layers": layers, "combine": combine, "truncation": truncation})
    examples = [3, 1, 20, 7]
    batch = packing.collate(corpus, examples, recipe)
    model = classifier_head.Classifier(deep, 3, recipe, seed=5).train()
    logits = model(batch)
    functional.cross_entropy(logits, torch.from_numpy(batch.labels)).backward()
    assert len(model.encoder.encoder.layer) == expected[-1] + 1 == model.encoder.config.num_hidden_layers
    assert len(deep.encoder.layer) == 5 == deep.config.num_hidden_layers
    width = 16 * len(expected) if combine == "concat" else 16
    assert model.output.weight.shape == (3, width)
    if model.attend is not None:
        assert model.attend[0].weight.shape == (128, width)

    cut = [truncate(corpus.ids(i), None, recipe, corpus.cls, corpus.sep) for i in examples]
    plain, out = reference.padded(deep.eval(), [piece for pieces in cut for piece in pieces])
    several = torch.stack([out.hidden_states[layer + 1][:, 0] for layer in expected], 1)  # 0 are the embeddings
    first = {"concat": several.flatten(1), "mean": several.mean(1), "max": several.max(1).values}[combine]
    rows = first.split([len(pieces) for pieces in cut])
    wanted = torch.stack([model.output(pool(truncation, each, model)) for each in rows])
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-5)
    functional.cross_entropy(wanted, torch.tensor(corpus.labels[examples]).long()).backward()
    mine, theirs = by_name(model.encoder), by_name(plain)
    assert mine.keys() == theirs.keys() and len(mine) == 5 + 16 * (expected[-1] + 1)
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=0, atol=1e-5)


def test_combined_by_hand():
    lower, upper = torch.tensor([[1.0, 4.0]]), torch.tensor([[3.0, 2.0]])
    assert classifier_head.combined([lower, upper], "concat").tolist() == [[1, 4, 3, 2]]
    assert classifier_head.combined([lower, upper], "mean").tolist() == [[2, 3]]
    assert classifier_head.combined([lower, upper], "max").tolist() == [[3, 4]]
    assert classifier_head.combined([lower], "mean") is lower


def test_pooler_equals_transformers(corpus, deep):
    recipe = RECIPE.model_copy(update={"pooler": True})
    batch = packing.collate(corpus, [3, 1, 20, 7], recipe)
    model = classifier_head.Classifier(deep, 3, recipe, seed=5).train()
    logits = model(batch)
    logits.square().sum().backward()
    cut = [truncate(corpus.ids(i), None, recipe, corpus.cls, corpus.sep)[0] for i in (3, 1, 20, 7)]
    plain, out = reference.padded(deep.eval(), cut)
    expected = model.output(out.pooler_output)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    expected.square().sum().backward()
    mine, theirs = by_name(model.encoder), by_name(plain)
    assert mine.keys() == theirs.keys() and {"pooler.dense.weight", "pooler.dense.bias"} < mine.keys()
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=1e-5, atol=1e-4)
    assert classifier_head.Classifier(deep, 3, RECIPE, seed=5).encoder.pooler is None and deep.pooler is not None


@pytest.mark.parametrize("changes", [{"frozen": 2}, {"frozen": 5}, {"frozen": 4, "layers": "1"}], ids=str)
def test_frozen_layers_keep_their_bits_and_no_graph(corpus, deep, changes):
    recipe = Finetune(max_length=24, head_tokens=6, head_init=0.5, **changes)
    model = classifier_head.Classifier(deep, 3, recipe, seed=5).train()
    frozen = [model.encoder.embeddings, *model.encoder.encoder.layer[: recipe.frozen]]
    seen: list[torch.Tensor] = []
    for part in frozen[:2]:  # the highest layer's parts are called one by one
        part.register_forward_hook(lambda _, __, out: seen.append(out))
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    kept = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    groups = optimizer.param_groups(model, lr=0.1, weight_decay=0.1, depth=5)
    assert {name for group in groups for name in group.parameters} == before.keys() - kept
    assert not any(group.name in ("embeddings", "layer 0", "layer 1") for group in groups)
    adam = optimizer.BertAdam(groups, Schedule(9, 0.0), clip="tensor", max_norm=1)
    for step in range(2):
        model.noise.reseed(1, step)
        model(packing.collate(corpus, [1, 2, 3], recipe)).square().sum().backward()
        adam.step(step)
    assert len(kept) == 5 + 16 * min(recipe.frozen, len(model.encoder.encoder.layer))
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]) == (name in kept), name
    assert seen and all(out.grad_fn is None for out in seen)
    assert not torch.equal(seen[0], seen[len(seen) // 2])  # their dropout stays: two steps differ


def test_freezing_leaves_the_other_gradients_alone(corpus, deep):
    batch = packing.collate(corpus, [1, 2, 3], RECIPE)
    found = []
    for frozen in (0, 3):
        model = classifier_head.Classifier(deep, 3, RECIPE.model_copy(update={"frozen": frozen}), seed=5).train()
        model(batch).square().sum().backward()
        found.append(by_name(model))
    whole, part = found
    assert len(whole) - len(part) == 5 + 16 * 3
    assert all(torch.equal(gradient, whole[name]) for name, gradient in part.items())
