"""Recipes: keys that cannot stand together, one name for one experiment, and what an encoder or corpus cannot have."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bertfit.config.hyperparameters import Finetune, check_multitask, fitted, share, too_small
from bertfit.config.reasons import NotApplicable
from bertfit.core.errors import UserError


@pytest.mark.parametrize(
    ("layers", "depth", "expected"),
    [
        ("5", 6, "last"), ("4", 6, "4"), ("6", 6, None), ("11", 12, "last"), ("last1", 6, "last"), ("first1", 6, "0"),
        ("first4", 4, "all"), ("last4", 4, "all"), ("last4", 6, "last4"), ("first7", 6, None), ("all", 6, "all"),
        ("all", 1, "last"), ("0", 1, "last"), ("last", 3, "last"),
    ],
)  # fmt: skip
def test_names_of_the_same_layers_are_one(layers: str, depth: int, expected: str | None) -> None:
    fitting = fitted(Finetune(layers=layers, combine="max"), depth)
    if expected is None:
        assert fitting == NotApplicable(f"the encoder has {depth} layers")
    else:
        assert isinstance(fitting, Finetune) and fitting.layers == expected
        assert fitting.combine == ("concat" if expected in ("last", "4", "0") else "max"), "one layer is not combined"


def test_what_stops_a_run_has_no_name_without_patience() -> None:
    assert fitted(Finetune(stop_on="test"), 6) == Finetune()
    stopped = Finetune(stop_on="test", patience=1)
    assert fitted(stopped, 6) == stopped


def test_more_layers_than_there_are_cannot_be_frozen() -> None:
    assert "7 cannot be frozen" in str(fitted(Finetune(frozen=7), 6))


@pytest.mark.parametrize(
    ("recipe", "rows", "classes", "reason"),
    [
        (Finetune(fraction=0.004), 25_000, 2, None),
        (Finetune(fraction=0.004), 400, 14, "2 of 400 examples are fewer than one for each of 14 classes"),
        (Finetune(examples=500), 400, 2, "the training set has 400 examples"),
        (Finetune(examples=8), 400, 2, "8 training examples make a schedule of one step, whose learning rate is 0"),
        (
            Finetune(examples=14, validation=0.2),
            400,
            2,
            "11 training examples make a schedule of one step, whose learning rate is 0",
        ),
        (Finetune(examples=8, minimum_steps=50), 400, 2, None),
        (Finetune(examples=8, warmup=0.0), 400, 2, None),
        (Finetune(examples=14), None, 14, None),
        (Finetune(), 3, 14, None),
    ],
)
def test_sizes_that_cannot_be_trained_on(recipe: Finetune, rows: int | None, classes: int, reason: str | None) -> None:
    assert too_small(recipe, rows, classes) == (NotApplicable(reason) if reason else None)


def test_share_in_percent() -> None:
    assert share(Finetune(fraction=0.004), None) == 0.4
    assert share(Finetune(examples=100), 25_000) == 0.4 and share(Finetune(examples=100), None) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": "all", "pooler": True}, "the pooler reads the last layer"),
        ({"layers": "3", "pooler": True}, "the pooler reads the last layer"),
        ({"classifier": "bilstm", "truncation": "hier-mean"}, "leave out hier"),
        ({"classifier": "bilstm", "pooler": True}, "leave out hier-*, pooler and `save_model`"),
        ({"classifier": "bilstm", "save_model": True}, "leave out hier-*, pooler and `save_model`"),
        ({"save_model": True, "truncation": "hier-max"}, "one text and one layer"),
        ({"save_model": True, "layers": "last4"}, "one text and one layer"),
        ({"save_model": True, "layers": "all"}, "one text and one layer"),
        ({"head_tokens": 511}, "head_tokens=511 does not fit into max_length=512"),
        ({"layers": "middle"}, "layers"),
        ({"patience": 2}, "patience=2 needs validation data"),
        ({"patience": 2, "stop_on": "test", "validation": 0.1}, "leave out `validation`"),
        ({"patience": 0, "stop_on": "test"}, "patience"),
        ({"focal": -1.0}, "focal"),
    ],
)
def test_keys_that_cannot_stand_together(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Finetune.model_validate(changes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truncation": "hier-mean"}, "config.yaml:7: multitask: truncation=hier-mean is not available"),
        ({"classifier": "bilstm"}, "config.yaml:7: multitask: classifier=bilstm has no encoder to train"),
        ({"patience": 2, "stop_on": "test"}, "config.yaml:7: multitask: patience=2 is of one corpus"),
        ({"class_weights": "balanced"}, "config.yaml:7: multitask: class_weights=balanced is of one corpus"),
        ({"focal": 2.0}, "config.yaml:7: multitask: focal=2.0 is of one corpus"),
    ],
)
def test_recipes_of_several_tasks(changes: dict[str, Any], message: str) -> None:
    check_multitask(Finetune(), "config.yaml:7")
    with pytest.raises(UserError) as caught:
        check_multitask(Finetune.model_validate(changes), "config.yaml:7")
    assert message in str(caught.value)
