"""The card of a model: its numbers, what the hub reads of it, and names that would change its metadata."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard

from bertfit.data import corpus_card
from bertfit.evaluation import calibration, predictions
from bertfit.export import model_card
from helpers.delivered import SPEC, logits_of


def test_the_card_by_value(delivered: Path) -> None:
    card = (delivered / "model/README.md").read_text()
    labels = pq.read_table(delivered / "test.parquet")["label"].to_numpy()
    said = logits_of(delivered).argmax(1)
    assert card.startswith(
        "---\nlicense: mit\nlibrary_name: transformers\npipeline_tag: text-classification\nmodel-index:"
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


def test_the_hub_reads_the_results_from_the_card(delivered: Path) -> None:
    data = ModelCard.load(delivered / "model/README.md").data
    labels = pq.read_table(delivered / "test.parquet")["label"].to_numpy()
    said = logits_of(delivered).argmax(1)
    f1 = [
        2 * ((said == name) & (labels == name)).sum() / ((said == name).sum() + (labels == name).sum())
        for name in range(3)
    ]
    results = {result.metric_type: result for result in data.eval_results}
    assert data.model_name == "example.t" and data.base_model is None
    assert {result.dataset_name for result in results.values()} == {"T"}
    assert results["accuracy"].metric_value == pytest.approx((said == labels).mean(), abs=5e-5)
    assert results["f1"].metric_value == pytest.approx(np.mean(f1), abs=5e-5)
    assert results["f1"].metric_args == {"average": "macro"}
    assert set(results) == {"accuracy", "f1", "matthews_correlation"}


def test_clusters_in_the_card(delivered: Path) -> None:
    facts = corpus_card.read(delivered / "card.json")
    (run, *_) = predictions.last_evaluations(predictions.read_evaluations(delivered / "predictions.parquet"))
    curve, scores = calibration.curve(np.array([0.5]), np.array([True])), pq.read_table(delivered / "scores.parquet")
    assert facts.clusters and facts.clusters.group is None and facts.source.kind == "local"
    card = model_card.text(SPEC, run, curve, facts, scores.to_pandas())
    assert (
        f"form {facts.clusters.clusters} clusters (near-duplicates), the largest of {facts.clusters.largest}." in card
    )
    grouped = facts.clusters.model_copy(update={"group": "by|*who*", "texts_of_train_groups": 7})
    held_out = facts.source.model_copy(update={"held_out": 0.25})
    facts = facts.model_copy(update={"clusters": grouped, "source": held_out})
    card = model_card.text(SPEC, run, curve, facts, scores.to_pandas())
    assert r"(25% of the texts, whole groups of the column by\|\*who\*, held out by class, seed fixed)" in card
    by_time = facts.model_copy(update={"by_time": corpus_card.TimeSplit(column="day*", first="2019-05-03")})
    timed = model_card.text(SPEC, run, curve, by_time, scores.to_pandas())
    assert r"(the last 25% in time, column day\*, from 2019-05-03 on):" in timed
    assert r"a group that has training texts, too: 7." in card and r"(column by\|\*who\* and near-duplicates)" in card


def test_a_single_test_text_has_a_card(delivered: Path) -> None:
    facts = corpus_card.read(delivered / "card.json")
    (run, *_) = predictions.last_evaluations(predictions.read_evaluations(delivered / "predictions.parquet"))
    first = replace(run, labels=run.labels[:1], logits=run.logits[:1])
    curve, scores = calibration.curve(np.array([0.5]), np.array([True])), pq.read_table(delivered / "scores.parquet")
    wrong = 100 * int(first.predicted[0] != first.labels[0])
    assert f"| error (%) | {wrong:.2f} |" in model_card.text(SPEC, first, curve, facts, scores.to_pandas())


def test_names_cannot_change_the_metadata(delivered: Path) -> None:
    metadata = {
        "study": "a: b\n---\nlicense: other",
        "encoder": SPEC.encoder.model_copy(update={"licence": None, "hub": "o/m"}),
    }
    spec = SPEC.model_copy(update=metadata)
    facts = corpus_card.read(delivered / "card.json").model_copy(update={"title": "- 'x\n--- # \u2028"})
    curve = calibration.curve(np.array([0.5]), np.array([True]))
    (mine,) = (
        one
        for one in predictions.last_evaluations(predictions.read_evaluations(delivered / "predictions.parquet"))
        if one.seed == 2
    )
    card = model_card.text(spec, mine, curve, facts, pq.read_table(delivered / "scores.parquet").to_pandas())
    data = ModelCard(card).data
    assert data.to_dict().keys() == {"library_name", "pipeline_tag", "base_model", "model-index"}
    assert (data.model_name, data.base_model) == (spec.study, "o/m")
    assert data.eval_results[0].dataset_name == facts.title
