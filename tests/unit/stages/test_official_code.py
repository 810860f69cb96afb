"""Whole trainings equal the official code: logits, losses and gradients of every update, and the final weights.

`helpers.official_training` is the official code written out on transformers' own BERT, padded; ours is what runs use:
packed batches, the tasks of the stages and the training loop. Dropout is off, numbers have 64 bits.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bertfit.batching import example_order
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.stages import evaluate, finetuning, multitask, pretraining
from bertfit.tokens import instance_file
from bertfit.tokens.token_file import Tokens
from bertfit.training import loop
from helpers import official_training, tiny
from helpers.official_sides import batch, difference, made_up, plain, port, trained, without_dropout
from helpers.official_training import BERTAdam, Facts, Plan, Seen, Training
from helpers.reference import transformers_model

EXAMPLES, BATCH, EPOCHS = 45, 4, 4
UPDATES, TOTAL = 48, 45  # 12 batches an epoch; t_total is int(45 / 4 * 4)
RECIPE = Finetune(
    max_length=24, head_tokens=6, lr=1e-3, epochs=EPOCHS, batch_size=BATCH, evaluate_every=UPDATES,
    dropout=0, attention_dropout=0, head_init=0.2, reproduce_negative_lr=True,
)  # fmt: skip
EQUAL = 1e-12  # the largest difference of any number, all of 64 bits
EQUAL_LOSSES_OF_32_BITS = 1e-6  # where ours rounds the logits to 32 bits before the loss
DIFFERENT = 1e-6  # the least difference that one changed fact makes
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def twelve(tmp_path_factory, words):
    """The folder of an encoder of twelve layers, with pooler."""
    shape = Shape(layers=12, hidden=16, heads=2, intermediate=32, positions=40, initializer_range=0.1)
    folder = tmp_path_factory.mktemp("encoders") / "twelve"
    hf_encoder.save(hf_encoder.scratch(shape, tiny.WORDS + 5, 2), words, folder, {})
    return folder


@pytest.fixture(scope="module")
def three(tmp_path_factory, words):
    """The folder of an encoder of three layers."""
    shape = Shape(layers=3, hidden=16, heads=2, intermediate=32, positions=40, initializer_range=0.1)
    folder = tmp_path_factory.mktemp("encoders") / "three"
    hf_encoder.save(hf_encoder.scratch(shape, tiny.WORDS + 5, 2), words, folder, {})
    return folder


def assert_equal_updates(ours: Sequence[Seen], theirs: Sequence[Seen], tolerance: float) -> None:
    for update, (mine, official) in enumerate(zip(ours, theirs, strict=True)):
        assert mine.gradients.keys() == official.gradients.keys(), update
        assert float((mine.logits - official.logits).abs().max()) < tolerance, update
        assert abs(mine.loss - official.loss) < tolerance, update
        assert difference(mine.gradients, official.gradients) < tolerance, update


def single_task(folder: Path, corpus: Tokens, recipe: Finetune) -> finetuning.FinetuningTask:
    encoder = hf_encoder.load_encoder(folder, pooler=recipe.pooler)
    test = evaluate.EvaluationSet(made_up(4, 3, 9), recipe, CPU)
    return finetuning.FinetuningTask(recipe, 3, corpus, test, encoder, CPU)


# ---------------------------------------------------------------------------------------------- fine-tuning

CONFIGURATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # our recipe; the arguments of the port
    "last layer": ({}, {"layers": [11]}),
    "pooler": ({"pooler": True}, {"layers": "pooler"}),
    "first 4, concat": ({"layers": "first4"}, {"layers": [0, 1, 2, 3]}),
    "last 4, mean": ({"layers": "last4", "combine": "mean"}, {"layers": [8, 9, 10, 11], "pooling": "mean"}),
    "last 4, max": ({"layers": "last4", "combine": "max"}, {"layers": [8, 9, 10, 11], "pooling": "max"}),
    "all, concat": ({"layers": "all"}, {"layers": list(range(12))}),
    "layer 0": ({"layers": "0"}, {"layers": [0]}),
    "layer 7": ({"layers": "7"}, {"layers": [7]}),
    "xi 0.95": ({"layer_decay": 0.95}, {"layers": [11]}),
    "pairs": ({"truncation": "head"}, {"layers": [11]}),
    "head": ({"truncation": "head"}, {"layers": [11]}),
    "tail": ({"truncation": "tail"}, {"layers": [11]}),
    "last 2, concat, tail": ({"layers": "last2", "truncation": "tail"}, {"layers": [10, 11]}),  # the README's example
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_fine_tuning_equals_the_official_code(twelve, tmp_path, configuration):
    changes, form = CONFIGURATIONS[configuration]
    recipe = RECIPE.model_copy(update=changes)
    corpus = made_up(EXAMPLES, 3, 1, paired=configuration == "pairs")
    task = single_task(twelve, corpus, recipe)
    assert (task.steps, task.plan.schedule) == (UPDATES, TOTAL)
    official = port(twelve, task, plan=Plan(recipe.lr, TOTAL, xi=recipe.layer_decay), **form)
    before = {name: weight.detach().clone() for name, weight in official.adam.named.items()}
    ours, weights = trained(task, tmp_path)
    theirs = [official.update(*batch(corpus, task.plan.examples(update), recipe)) for update in range(UPDATES)]
    assert_equal_updates(ours, theirs, EQUAL)
    final = official.adam.named
    assert difference(weights, final) < EQUAL
    assert difference(weights, before) > 0.01
    assert all(torch.equal(before[name], final[name]) for name in final.keys() - weights.keys())  # layers not read


OTHER_FACTS: dict[str, tuple[Facts, dict[str, Any]]] = {  # facts and plan of the port, each with one change
    "bias correction": (Facts(bias_correction=True), {}),
    "epsilon of Adam": (Facts(epsilon=1e-8), {}),
    "epsilon inside the root": (Facts(epsilon_is_inside=True), {}),
    "global clipping": (Facts(clip="global"), {}),
    "no clipping": (Facts(clip="none"), {}),
    "larger norm": (Facts(max_norm=1.01), {}),
    "no decay": (Facts(decay=0.0), {}),
    "decay of the gradient": (Facts(decay_is_decoupled=False), {}),
    "decay of LayerNorm": (Facts(undecayed=(".bias", ".head")), {}),
    "decay of biases": (Facts(undecayed=("gamma", "beta")), {}),
    "no decay of embeddings": (Facts(undecayed=("bias", "gamma", "beta", "embeddings")), {}),
    "no decay of the head": (Facts(undecayed=("bias", "gamma", "beta", "head")), {}),
    "continuous schedule": (Facts(schedule="continuous"), {}),
    "constant rate": (Facts(schedule="constant"), {}),
    "steps from 1": (Facts(first_step=1), {}),
    "no negative rates": (Facts(negative_rates=False), {}),
    "schedule over the updates": (Facts(), {"total": 24}),
    "longer warm-up": (Facts(), {"warmup": 0.15}),
    "rates of the embeddings decayed": (Facts(embeddings="decayed"), {}),
    "rate of the highest layer decayed": (Facts(top_layer="decayed"), {}),
    "no layer-wise rates": (Facts(), {"xi": 1.0}),
}


@pytest.fixture(scope="module")
def half(three, tmp_path_factory):
    """A training of two epochs with layer-wise rates: its task, texts, recipe, plan and final weights."""
    recipe = RECIPE.model_copy(update={"epochs": 2, "layer_decay": 0.9})
    corpus = made_up(EXAMPLES, 3, 1)
    task = single_task(three, corpus, recipe)
    plan = Plan(recipe.lr, int(EXAMPLES / BATCH * 2), xi=0.9)
    new = port(three, task, plan=plan, layers=[2])
    weights = trained(task, tmp_path_factory.mktemp("half"))[1]
    batches = [batch(corpus, task.plan.examples(update), recipe) for update in range(task.steps)]
    return new, plan, batches, weights


@pytest.mark.parametrize("change", [None, *OTHER_FACTS])
def test_a_changed_fact_is_noticed(half, change):
    official, plan, batches, weights = half
    facts, other = OTHER_FACTS[change] if change else (Facts(), {})
    training = Training(copy.deepcopy(official.model), replace(plan, **other), facts)
    for inputs, labels in batches:
        training.update(inputs, labels)
    found = difference(weights, training.adam.named)
    assert found > DIFFERENT if change else found < EQUAL


# ---------------------------------------------------------------------------------------------- several tasks

MULTITASK = (("a", 22, 3), ("b", 15, 2), ("c", 9, 4))  # name, examples, classes


@pytest.mark.parametrize(("facts", "equal"), [(Facts(), True), (Facts(unused_heads="untouched"), False)])
def test_multi_task_fine_tuning_equals_the_official_code(three, tmp_path, facts, equal):
    """A batch of one task, its own head on the pooler's output, one optimiser over the sum of the sizes."""
    corpora = {name: made_up(size, classes, classes, paired=name == "b") for name, size, classes in MULTITASK}
    recipe = RECIPE.model_copy(update={"pooler": True, "layer_decay": 0.9})
    declared = Multitask(corpora=list(corpora), order="official", seed=3)
    encoder = hf_encoder.load_encoder(three, pooler=True)
    both = {name: (corpus, corpus) for name, corpus in corpora.items()}
    task = multitask.MultitaskTask(declared, recipe, both, encoder, CPU)
    sizes = [size for _, size, _ in MULTITASK]
    total = int(sum(sizes) / BATCH * EPOCHS)
    assert (task.steps, task.mixture.schedule) == (EPOCHS * sum(size // BATCH for size in sizes), total) == (40, 46)
    official = port(three, task, plan=Plan(recipe.lr, total, xi=0.9), facts=facts, layers="pooler")
    ours, weights = trained(task, tmp_path)
    theirs, drawn = [], []
    for update in range(task.steps):
        number, rows = task.mixture.examples(update)
        drawn.append(number)
        theirs.append(official.update(*batch(list(corpora.values())[number], rows, recipe), number))
    assert {*drawn} == {0, 1, 2} and len({*drawn[:2]}) < 3  # a head waits for its first batch
    found = difference(weights, official.adam.named)
    if equal:
        assert_equal_updates(ours, theirs, EQUAL_LOSSES_OF_32_BITS)
        assert found < EQUAL_LOSSES_OF_32_BITS
    else:
        assert found > 100 * EQUAL_LOSSES_OF_32_BITS


# ---------------------------------------------------------------------------------------------- pre-training

PRETRAIN = Pretrain(
    steps=20, batch_size=4, lr=1e-3, max_length=32, max_predictions=5, dupe=2, dropout=0, attention_dropout=0
)


@pytest.mark.parametrize(
    ("facts", "equal"),
    [(Facts(clip="global"), True), (Facts(clip="tensor"), False), (Facts(clip="global", bias_correction=True), False)],
    ids=["official", "clip each tensor", "bias correction"],
)
def test_pre_training_equals_the_official_code(words, tmp_path, facts, equal):
    """AdamWeightDecayOptimizer of google-research/bert: that of the fine-tuning, but the whole gradient is clipped."""
    instances = instance_file.read(tiny.instances_file(tmp_path / "instances", words, PRETRAIN, 10, 1))
    model = hf_encoder.scratch(tiny.SHAPE, tiny.WORDS + 5, 2)
    theirs = without_dropout(transformers_model(model)).double()
    adam = BERTAdam(dict(theirs.named_parameters()), Plan(PRETRAIN.lr, PRETRAIN.steps), facts, depth=2)
    task = pretraining.PretrainingTask(PRETRAIN, 3, instances, None, model.double(), CPU)
    sums = []
    task.record = lambda found: sums.append(found[1].item())
    task.tensors["sums"] += 1  # of the only row of the history, which is not read
    loop.run(task, tmp_path / "state", "key")
    losses = []
    for step in range(PRETRAIN.steps):
        numbers = example_order.stream(len(instances), PRETRAIN.batch_size, 3, step)
        losses.append(official_training.pretraining_update(theirs, adam, [plain(instances, n) for n in numbers])[0])
    found = difference({name: weight.detach() for name, weight in model.named_parameters()}, adam.named)
    if equal:
        assert found < 1e-6
        assert sums == pytest.approx(losses, abs=1e-5)  # the official mean over M words divides by M + 1e-5
    else:
        assert found > 1e-4
