"""Declarations of encoders: one source, and a family."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bertfit.config.encoder_schema import Encoder
from bertfit.encoders.families import BERT

SHAPE = {"layers": 2, "hidden": 16, "heads": 2, "intermediate": 32}


def encoder(**keys: object) -> Encoder:
    return Encoder.model_validate({"title": "t", "vocabulary": "v", **keys})


def test_the_family_is_declared_once() -> None:
    assert encoder(folder="f", layers=2).kind is BERT
    assert encoder(folder="f", layers=2, family="roberta").kind.title == "RoBERTa"
    made = encoder(scratch={**SHAPE, "family": "modernbert"}, mix="m")
    assert made.kind.model_type == "modernbert" and made.depth == 2
    with pytest.raises(ValidationError, match="`family` of an encoder from scratch stands in its shape"):
        encoder(scratch=SHAPE, mix="m", family="roberta")
    with pytest.raises(ValidationError, match="Input should be 'bert', 'roberta'"):
        encoder(folder="f", layers=2, family="gpt2")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "give one of hub, folder, package, scratch"),
        ({"scratch": SHAPE}, "an encoder from scratch needs a mix"),
        ({"folder": "f"}, "give `layers`"),
        ({"hub": "a/b", "layers": 2}, "a hub model needs its revision"),
        ({"folder": "f", "layers": 2, "requirement": "a==1"}, "`requirement` is the pinned version of a `package`"),
    ],
    ids=str,
)
def test_what_is_missing_is_said(keys: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        encoder(**keys)
