"""Answers on models: what the records say, and what changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.provenance.study_facts import StudyFacts
from bertfit.reforms import model_answers
from helpers import crated


@pytest.fixture
def facts(archived: Path, tmp_path: Path) -> StudyFacts:
    return crated.facts(archived, tmp_path / "study")


def answer(facts: StudyFacts, number: str) -> str:
    return model_answers.answers(facts)[number].known


def with_recipes(facts: StudyFacts, **values: object) -> StudyFacts:
    """The study whose first run has other hyperparameters."""
    (block, record), *others = facts.runs
    spec = {**record.spec, "recipe": {**record.spec["recipe"], **values}}
    facts.__dict__["runs"] = [(block, record.model_copy(update={"spec": spec})), *others]
    return facts


def test_from_the_records(facts: StudyFacts) -> None:
    seeds = sum(len(block.seeds) for block, _ in facts.runs if block.stage == "fine-tuning")
    assert f"fine-tuning {seeds}" in answer(facts, "5a") and "loss: cross-entropy" in answer(facts, "5a")
    assert "`focal`" not in answer(facts, "5a")
    assert "- `truncation`: head, head+tail, hier-attention" in answer(facts, "5e")
    assert "- `lr`: 0.00015, 0.0003, 0.00075, 0.001" in answer(facts, "5e"), "numbers are sorted by size"
    assert "`max_length`" not in answer(facts, "5e"), "all runs have the same"
    assert "Validation data: none" in answer(facts, "5c") and "patience" not in answer(facts, "5d")
    assert "Word counts with a linear model are among them" in answer(facts, "5f")
    assert "the most frequent of 2 classes has 50.0 % of the test texts" in answer(facts, "7a")
    assert f"{len(facts.claims)} claims" in answer(facts, "7c")
    assert "may not be compared with the published ones" in answer(facts, "8a")
    assert "generated texts, from which nothing follows for real ones: IMDb, Sogou" in answer(facts, "8b")


def test_what_a_recipe_changes(facts: StudyFacts) -> None:
    changed = with_recipes(facts, focal=2.0, validation=0.1, patience=3)
    assert "`focal`: 0.0, 2.0" in answer(changed, "5a")
    assert "shares 0.1 of the training split as validation data" in answer(changed, "5c")
    assert "Runs with `patience` in their recipe stop early" in answer(changed, "5d")


def test_test_texts_in_pre_training_are_told(facts: StudyFacts) -> None:
    assert "No encoder was further pre-trained on test texts" in answer(facts, "6a")
    (encoder, record), *others = facts.encoders
    spec = {**record.spec, "texts": ["imdb.train.txt", "imdb.test.txt"]}
    facts.__dict__["encoders"] = [(encoder, record.model_copy(update={"spec": spec})), *others]
    assert f"on purpose: `{encoder.encoder}`." in answer(facts, "6a")
    assert model_answers.answers(facts)["6a"].needed == ""
    fetched = encoder.model_copy(update={"stage": "fetched"})
    facts.__dict__["encoders"] = [(fetched, record), *others]
    assert "fetched encoder" in model_answers.answers(facts)["6a"].needed


def test_single_seeds_are_a_limit(facts: StudyFacts) -> None:
    assert "one seed" not in answer(facts, "8b")
    (block, record), *others = facts.runs
    facts.__dict__["runs"] = [(block.model_copy(update={"seeds": [1]}), record), *others]
    assert "one seed in 1 training jobs" in answer(facts, "8b")
