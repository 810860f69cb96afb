"""The card of a model: its numbers, its sections, and what it says of a model that is no good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard

from bertfit.data import corpus_card
from bertfit.evaluation import calibration, predictions
from bertfit.export import model_card
from bertfit.export.memorisation import Memorisation
from bertfit.export.model_card import CardInputs
from bertfit.export.runtime_measures import RuntimeComparison, RuntimeMeasure
from helpers.delivered import SPEC, logits_of


@pytest.fixture
def inputs(delivered: Path) -> CardInputs:
    """What the card of the delivered model is made of, with neither clusters nor measures."""
    runs = predictions.last_evaluations(predictions.read_evaluations(delivered / "predictions.parquet"))
    return CardInputs(
        spec=SPEC,
        evaluation=next(run for run in runs if run.seed == 2),
        calibration=calibration.curve(np.array([0.5]), np.array([True])),
        facts=corpus_card.read(delivered / "card.json"),
        scores=pq.read_table(delivered / "scores.parquet").to_pandas(),
    )


def answered(inputs: CardInputs, answers: list[int], labels: list[int]) -> str:
    """The card of a model with these answers."""
    logits = np.eye(3, dtype=np.float32)[answers]
    evaluation = replace(inputs.evaluation, labels=np.array(labels, np.int32), logits=logits)
    return model_card.text(replace(inputs, evaluation=evaluation))


def with_facts(inputs: CardInputs, **changes: Any) -> CardInputs:
    return replace(inputs, facts=inputs.facts.model_copy(update=changes))


def test_the_card_by_value(delivered: Path) -> None:
    card = (delivered / "model/README.md").read_text()
    labels = pq.read_table(delivered / "test.parquet")["label"].to_numpy()
    said = logits_of(delivered).argmax(1)
    assert card.startswith(
        "---\nlicense: mit\nlanguage: en\nlibrary_name: transformers\npipeline_tag: text-classification\ntags:"
    )
    assert f"| error (%) | {100 * (said != labels).mean():.2f} |" in card
    for name, row in zip(["=a", r"b\|c", "-1"], range(3), strict=True):
        counts = [int(((labels == row) & (said == answer)).sum()) for answer in range(3)]
        assert f"| {name} | {' | '.join(map(str, counts))} |\n" in card
    assert "the first 6 and last 16 word pieces of a longer text" in card
    assert "`finetune.max_length`: 24 here, 512 in the paper" in card
    assert "7 steps of 32" in card and "on the training and the unlabelled texts" not in card
    assert "the training texts and the unlabelled texts" in card
    assert "| ITPT (this model's recipe) |" in card and "has a lower error" not in card, "both are the same run here"
    assert "\n\n\n" not in card.partition("# example.t")[2], "sections are one line apart"


def test_the_hub_reads_the_results_from_the_card(delivered: Path) -> None:
    data = ModelCard.load(delivered / "model/README.md").data
    labels = pq.read_table(delivered / "test.parquet")["label"].to_numpy()
    said = logits_of(delivered).argmax(1)
    f1 = [
        2 * ((said == name) & (labels == name)).sum() / ((said == name).sum() + (labels == name).sum())
        for name in range(3)
    ]
    results = {result.metric_type: result.metric_value for result in data.eval_results}
    assert results["accuracy"] == pytest.approx((said == labels).mean(), abs=5e-5)
    assert results["f1"] == pytest.approx(np.mean(f1), abs=5e-5)


def test_the_constant_guess_and_classes_that_are_never_answered(inputs: CardInputs) -> None:
    """The most frequent class in training is b|c, though the test has more of -1."""
    counts = inputs.facts.splits["train"].model_copy(update={"classes": {"=a": 2, "b|c": 9, "-1": 9}})
    inputs = with_facts(inputs, splits=inputs.facts.splits | {"train": counts})
    card = answered(inputs, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2], [1, 1, 0, 0, 2, 2, 2, 2, 2, 2])
    assert "| error (%) | 30.00 |" in card and r"| error (%) of always answering b\|c | 80.00 |" in card
    assert "Never answered on these texts: =a (the label of 2)." in card and "errs no less" not in card
    card = answered(inputs, [1] * 10, [1] * 9 + [0])
    assert "| error (%) | 10.00 |" in card and r"**It errs no less than always answering b\|c**" in card
    assert "Never answered on these texts: =a (the label of 1), -1 (the label of 0)." in card
    assert "Never answered" not in answered(inputs, [0, 1, 2], [0, 1, 2])


def test_a_test_file_of_one_class_has_no_proud_metrics(inputs: CardInputs) -> None:
    card = answered(inputs, [1] * 20, [1] * 20)
    assert "| macro-F1 | one class only |  |" in card and "| Matthews correlation | one class only |  |" in card
    assert [result.metric_type for result in ModelCard(card).data.eval_results] == ["accuracy"]


def test_a_single_test_text_has_a_card(inputs: CardInputs) -> None:
    run = inputs.evaluation
    first = replace(run, labels=run.labels[:1], logits=run.logits[:1])
    wrong = 100 * int(first.predicted[0] != first.labels[0])
    assert f"| error (%) | {wrong:.2f} |" in model_card.text(replace(inputs, evaluation=first))


def test_clusters_in_the_card(inputs: CardInputs) -> None:
    facts = inputs.facts
    assert facts.clusters and facts.clusters.group is None and facts.source.kind == "local"
    numbers = f"form {facts.clusters.clusters} clusters (near-duplicates), the largest of {facts.clusters.largest}."
    assert numbers in model_card.text(inputs)
    grouped = facts.clusters.model_copy(update={"group": "by|*who*", "texts_of_train_groups": 7})
    held_out = facts.source.model_copy(update={"held_out": 0.25})
    card = model_card.text(with_facts(inputs, clusters=grouped, source=held_out))
    assert r"(25% of the texts, whole groups of the column by\|\*who\*, held out by class, seed fixed)" in card
    assert r"a group that has training texts, too: 7." in card and r"(column by\|\*who\* and near-duplicates)" in card


def test_measures_of_the_runtimes(inputs: CardInputs, delivered: Path) -> None:
    assert "## Speed" not in model_card.text(inputs), "neither measures nor a reason"
    measures = [
        RuntimeMeasure("torch", 91_000_000, 12.34, 150.4, 1.0, 0.0),
        RuntimeMeasure("ONNX, 8-bit", 59_800_000, 3.21, 1234.5, 0.9975, 0.2146),
        RuntimeMeasure("ONNX, float32", 91_700_000, 6.0, 99.9, 1.0, 6.3e-7),
    ]
    card = model_card.text(replace(inputs, runtimes=RuntimeComparison(measures, 416, "Xeon|*", 2)))
    assert r"On Xeon\|\*, 2 threads, with texts of the test split:" in card and "on 416 texts" in card
    assert "| torch | 91.0 MB | 12.3 | 150 | 100.00 | 0 |\n" in card
    assert "| ONNX, 8-bit | 59.8 MB | 3.2 | 1,234 | 99.75 | 0.215 |\n" in card
    assert "| ONNX, float32 | 91.7 MB | 6.0 | 100 | 100.00 | 6e-07 |\n" in card
    assert "`--runtime onnx`" in card
    card = (delivered / "model/README.md").read_text()
    assert "| torch |" in card and "| ONNX, 8-bit |" in card and "1 thread," in card


def test_word_counts(inputs: CardInputs) -> None:
    spec = SPEC.model_copy(
        update={"encoder": None, "recipe": None, "pretrain": None, "pretrained_on": [], "sizes": [], "cells": []}
    )
    card = model_card.text(replace(inputs, spec=spec, runtimes=RuntimeComparison(reason="it counts words")))
    assert "TF-IDF of words or characters and logistic regression" in card and "transformers" not in card
    assert "no ONNX file: it counts words." in card and "Test error (%) of all methods" not in card
    assert "\n\n\n" not in card.partition("# example.t")[2]


def test_texts_that_may_be_memorised(inputs: CardInputs, delivered: Path) -> None:
    said = "**Before you publish the model**: it may give away texts that it was trained on, as "
    assert said not in model_card.text(replace(inputs, memorisation=Memorisation(False, "the licence is open")))
    assert f"{said}so it is." in model_card.text(replace(inputs, memorisation=Memorisation(True, "so it is")))
    assert said in (delivered / "model/README.md").read_text()


def test_every_section_is_included() -> None:
    templates = model_card.TEMPLATES
    page = (templates / "modelcard.md").read_text()
    sections = {path.name for path in templates.glob("card_*.md")}
    assert sections and all(f'{{% include "{name}" %}}' in page for name in sections)
