"""Recipes that cannot be: refused where they are read, before any job runs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bertfit.config import recipe_semantics
from bertfit.config.hyperparameters import Finetune, check_multitask
from bertfit.core.errors import UserError
from bertfit.experiments.registry import open_registry
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT


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
    ],
)
def test_recipes_of_several_tasks(changes: dict[str, Any], message: str) -> None:
    check_multitask(Finetune(), "config.yaml:7")
    with pytest.raises(UserError) as caught:
        check_multitask(Finetune.model_validate(changes), "config.yaml:7")
    assert message in str(caught.value)


def test_a_group_is_refused_before_the_first_job(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = TrainingJobs(open_registry({}, ROOT))
    jobs.check()
    monkeypatch.setitem(jobs.registry.settings.study.multitask["four"].recipe, "truncation", "hier-mean")
    with pytest.raises(UserError, match=r"\.yaml:\d+: multitask: truncation=hier-mean is not available"):
        jobs.check()


@pytest.mark.parametrize(
    ("layers", "word", "number", "single"),
    [
        ("last", "last", None, True), ("all", "all", None, False), ("first4", "first", 4, False),
        ("last12", "last", 12, False), ("0", "", 0, True), ("11", "", 11, True),
    ],
)  # fmt: skip
def test_names_of_layers(layers: str, word: str, number: int | None, single: bool) -> None:
    assert recipe_semantics.layer_name(layers) == (word, number)
    assert recipe_semantics.is_single_layer(layers) is single


def test_examples_and_evaluations() -> None:
    assert recipe_semantics.training_examples(25_000, 0.004, None) == 100
    assert recipe_semantics.training_examples(25_000, 1.0, 30_000) == 30_000, "more than there are is told elsewhere"
    assert recipe_semantics.validation_examples(100, 0.25) == 25
    assert recipe_semantics.evaluations(10, 4, None) == 3 and recipe_semantics.evaluations(10, 4, 5) == 2
