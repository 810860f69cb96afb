from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.stages import input_checks
from bertfit.tokens import token_file
from helpers import tiny

RECIPE = Finetune(max_length=24, head_tokens=6)
ENCODER = SimpleNamespace(num_hidden_layers=5, max_position_embeddings=40, vocab_size=90)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": "5"}, "recipe: layers=5, but the encoder has 5 layers; ask for no more"),
        ({"layers": "last6"}, "layers=last6, but the encoder has 5 layers"),
        ({"layers": "first6"}, "layers=first6, but the encoder has 5 layers"),
        ({"frozen": 6}, "recipe: frozen=6, but the encoder has 5 layers, 6 cannot be frozen"),
    ],
)
def test_layers_that_the_encoder_lacks_are_named(changes, message):
    with pytest.raises(UserError, match=message):
        input_checks.layers(RECIPE.model_copy(update=changes), ENCODER.num_hidden_layers)


def test_sequences_longer_than_the_positions_are_refused():
    input_checks.positions("pretrain", 40, ENCODER)
    with pytest.raises(UserError, match="pretrain: max_length=41, but the encoder has 40 positions; set `max_length`"):
        input_checks.positions("pretrain", 41, ENCODER)


def test_a_larger_vocabulary_than_the_encoders_is_refused():
    input_checks.vocabulary(Path("train.arrow"), 90, ENCODER)
    with pytest.raises(UserError, match="train.arrow: made with 91 word pieces, but the encoder has 90"):
        input_checks.vocabulary(Path("train.arrow"), 91, ENCODER)


def test_splits_that_do_not_fit_are_refused(tmp_path):
    words = tiny.vocabulary(tmp_path / "words")
    full, empty = (token_file.read(tiny.tokens_file(tmp_path / f"{n}.arrow", words, n, 1)) for n in (9, 0))
    input_checks.check(RECIPE, ENCODER, {Path("train"): full, Path("test"): full})
    with pytest.raises(UserError, match="test: no examples"):
        input_checks.check(RECIPE, ENCODER, {Path("train"): full, Path("test"): empty})
    other = dataclasses.replace(full, label_names=["a", "b", "d"])
    with pytest.raises(UserError, match="train and test: their label_names differ; build both from one corpus"):
        input_checks.check(RECIPE, ENCODER, {Path("train"): full, Path("test"): other})
