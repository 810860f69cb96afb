"""The table of families: its names, and what it reads of config.json."""

from __future__ import annotations

from typing import get_args

import pytest
from transformers import AutoConfig

from bertfit.encoders import families
from bertfit.encoders.families import BERT, FAMILIES, FamilyName
from helpers import small_encoders


def test_families_are_those_that_can_be_declared() -> None:
    assert tuple(FAMILIES) == get_args(FamilyName) and sorted(set(FAMILIES) - {"bert"}) == small_encoders.OTHERS
    assert families.names().startswith("BERT, RoBERTa, ") and families.names().endswith(" and MPNet")


def test_the_first_berts_and_strangers() -> None:
    assert families.of({}) is BERT and families.of({"model_type": "gpt2"}) is None


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_sizes_are_read_by_the_names_of_the_family(name: str) -> None:
    family, written = FAMILIES[name], small_encoders.config(name).to_dict()
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    assert [family.value(written, key) for key in sizes] == [32, 3, 4, 48, 100]
    assert family.positions(written) == 160


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_keys_of_dropout_and_heads_are_keys_of_the_configuration(name: str) -> None:
    family, written = FAMILIES[name], AutoConfig.for_model(name).to_dict()
    assert {*family.hidden_dropout, *family.attention_dropout, *family.keys.values(), *family.head.config} <= set(
        written
    )


@pytest.mark.parametrize(
    ("name", "recipe", "reason"),
    [
        ("bert", {"pooler": True, "layer_decay": 0.95, "frozen": 3}, None),
        ("roberta", {"pooler": True}, "no pooler of RoBERTa was trained"),
        ("roberta", {"layer_decay": 0.95, "frozen": 3}, None),
        ("albert", {"layer_decay": 0.95}, "all layers of ALBERT have the same weights"),
        ("albert", {"frozen": 1}, "all layers of ALBERT have the same weights"),
        ("albert", {}, None),
    ],
)
def test_what_a_family_cannot_have(name: str, recipe: dict, reason: str | None) -> None:
    asked = {"pooler": False, "layer_decay": 1.0, "frozen": 0} | recipe
    assert FAMILIES[name].lacks(**asked) == reason


def test_a_padding_token_shifts_the_positions_of_some() -> None:
    assert FAMILIES["roberta"].positions({"max_position_embeddings": 514, "pad_token_id": 1}) == 512
    assert FAMILIES["roberta"].offset({"pad_token_id": None}) == 2
    assert FAMILIES["electra"].positions({"max_position_embeddings": 512}) == 512
    assert FAMILIES["electra"].positions({}) is None
    assert FAMILIES["mpnet"].offset({"pad_token_id": 0}) == 2, "its modules have it so"
