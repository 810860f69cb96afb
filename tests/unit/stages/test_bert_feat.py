from __future__ import annotations

import pytest
import torch

from bertfit.batching import packing
from bertfit.hugging_face import hf_encoder
from bertfit.stages import bert_feat, evaluate, feature_cache
from bertfit.tokens import token_file
from bertfit.tokens.truncation import truncate
from helpers.feature_inputs import CPU, RECIPE, but, make


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return make(tmp_path_factory)


@pytest.mark.parametrize("name", ["train", "pairs"])
@pytest.mark.parametrize("max_length", [9, 24, 39])
def test_lengths_are_those_of_the_truncated_documents(inputs, name, max_length):
    corpus, recipe = token_file.read(inputs / f"{name}.arrow"), but(max_length=max_length)
    cut = [truncate(corpus.ids(i), corpus.pair(i), recipe, corpus.cls, corpus.sep)[0] for i in range(len(corpus))]
    assert packing.lengths(corpus, recipe).tolist() == [len(each.ids) for each in cut]


def test_no_dropout_in_the_frozen_encoder_while_the_classifier_trains(inputs, tmp_path):
    encoder = hf_encoder.load_encoder(inputs / "encoder").train()
    assert {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}
    before = {name: weight.clone() for name, weight in encoder.named_parameters()}
    corpus = token_file.read(inputs / "train.arrow")
    made = feature_cache.Frozen(encoder, RECIPE, CPU)
    evaluated = evaluate.EvaluationSet(corpus, RECIPE, CPU, answer=bert_feat.answers(made))
    task = bert_feat.FeatureTask(RECIPE, 1, corpus, made, evaluated, made.width, CPU)
    task.model.train()
    batch, seen = task.batch(0), []
    for step in range(3):
        task.noise.reseed(1, step)
        seen.append(made(batch))
        task.loss(task.inputs(batch))[0].backward()
        task.optimizer.step(step)
    assert task.model.dropout.training and not any(module.training for module in encoder.modules())
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[0], seen[2])
    assert all(torch.equal(weight, before[name]) for name, weight in encoder.named_parameters())
    trained = {id(parameter) for parameter in task.model.parameters()}
    assert not trained & {id(parameter) for parameter in encoder.parameters()}


# ---------------------------------------------------------------------------------------------- runs
