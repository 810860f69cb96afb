"""What holds of any encoder: where its parameters are, what is frozen."""

from __future__ import annotations

import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head, packed_encoder
from helpers import tiny


@pytest.fixture
def model() -> classifier_head.Classifier:
    encoder = hf_encoder.scratch(tiny.SHAPE, 85, 1).encoder
    return classifier_head.Classifier(encoder, 3, Finetune(max_length=24, truncation="head"), seed=1)


def test_parts_are_those_of_the_encoders_in_a_model(model: classifier_head.Classifier) -> None:
    of_parts = dict(packed_encoder.parts(model))
    named = {name: of_parts.get(parameter) for name, parameter in model.named_parameters()}
    assert named["encoder.embeddings.word_embeddings.weight"] == "embeddings"
    assert named["encoder.encoder.layer.1.output.dense.bias"] == 1
    assert named["output.weight"] is None, "no part of the encoder"


@pytest.mark.parametrize(("layers", "frozen"), [(0, set()), (1, {"embeddings", 0}), (2, {"embeddings", 0, 1})])
def test_freezing_begins_below_the_layers(model: classifier_head.Classifier, layers: int, frozen: set) -> None:
    model.encoder.freeze(layers)
    assert {part for parameter, part in packed_encoder.parts(model) if not parameter.requires_grad} == frozen


def test_last_states_are_those_of_the_highest_layer(model: classifier_head.Classifier, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(type(model.encoder), "states", lambda self, inputs, rows, layers: asked.append(layers) or ["s"])

    class Inputs:
        rows = None

    assert model.encoder.last_states(Inputs()) == "s" and asked == [[1]]
