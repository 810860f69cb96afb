"""Declarations of encoders: one source, and a family."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bertfit.config.encoder_schema import Encoder, with_objective
from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
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


def test_objectives_are_those_that_heads_allow() -> None:
    bert, roberta = encoder(folder="b", layers=2), encoder(folder="r", layers=2, family="roberta")
    electra = encoder(folder="e", layers=2, family="electra", generator="g")
    others = {"g": encoder(folder="g", layers=2, family="electra")}

    def objective(of: Encoder, asked: str | None = None, study: dict[str, Encoder] = others) -> str | None:
        return with_objective(Pretrain(objective=asked), of, study).objective

    assert [objective(one) for one in (bert, roberta, electra)] == ["mlm+nsp", "mlm", "mlm"]
    assert objective(bert, "mlm") == "mlm" and objective(electra, "rtd") == "rtd"
    with pytest.raises(UserError, match="RoBERTa has no head of next-sentence prediction"):
        objective(roberta, "mlm+nsp")
    with pytest.raises(UserError, match="objective rtd is for ELECTRA's discriminators"):
        objective(roberta, "rtd")
    for generator in (
        encoder(scratch=SHAPE, mix="m"),
        encoder(folder="g", layers=2).model_copy(update={"vocabulary": "w"}),
    ):
        with pytest.raises(UserError, match="objective rtd needs a `generator`"):
            objective(electra, "rtd", {"g": generator})
    with pytest.raises(UserError, match="objective rtd needs a `generator`"):
        objective(electra, "rtd", {})


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
