"""The card of a model: its numbers, what the hub reads of it, and names that would change its metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard

import bertfit
from bertfit.data import corpus_card
from bertfit.export import model_card
from bertfit.export.memorisation import Memorisation
from bertfit.export.model_card import CardInputs
from bertfit.export.runtime_measures import RuntimeComparison, RuntimeMeasure
from helpers import dataset_results
from helpers.delivered import SPEC, logits_of, outcome_of


def test_the_card_by_value(delivered: Path) -> None:
    card = (delivered / "model/README.md").read_text()
    labels = pq.read_table(delivered / "test.parquet")["label"].to_numpy()
    said = logits_of(delivered).argmax(1)
    assert card.startswith(
        "---\nlicense: mit\nlanguage: en\nlibrary_name: transformers\npipeline_tag: text-classification\ntags:"
    )
    assert f"Made by bertfit {bertfit.__version__} with the recipe" in card
    assert f"| error (%) | {100 * (said != labels).mean():.2f} |" in card
    for name, row in zip(["=a", r"b\|c", "-1"], range(3), strict=True):
        counts = [int(((labels == row) & (said == answer)).sum()) for answer in range(3)]
        assert f"| {name} | {' | '.join(map(str, counts))} |\n" in card
    assert "the first 6 and last 16 word pieces of a longer text" in card
    assert "`finetune.max_length`: 24 here, 512 in the paper" in card
    assert "7 steps of 32" in card and "on the training and the unlabelled texts" not in card
    assert "the training texts and the unlabelled texts" in card
    assert "error (%) of always answering =a |" in card and "Probabilities are as trained" in card


def test_what_was_tried(delivered: Path) -> None:
    card = (delivered / "model/README.md").read_text()
    row = "| further pre-training and layer-wise rates (this model) | 10.90 | 7.94 to 14.79 |  | 4 | 2 min 59 s |"
    assert row in card and "| word counts | 14.70 |" in card
    assert "The lead on fine-tuning with layer-wise rates is within what chance gives" in card
    assert "- Not trained to the end: fine-tuning with balanced classes, no class has 5 times as many" in card
    sure = model_card.text(inputs(delivered, choice=dataset_results.choice("words")))
    assert "| word counts (this model) | 8.10 |" in sure and "within what chance gives" not in sure


def inputs(delivered: Path, **given: object) -> CardInputs:
    """Those of the delivered model, but for some of them."""
    labels = pq.read_table(delivered / "test.parquet")["label"].to_numpy()
    values = {
        "spec": SPEC,
        "outcome": outcome_of(labels, logits_of(delivered)),
        "choice": dataset_results.choice(),
        "facts": corpus_card.read(delivered / "card.json"),
    }
    return CardInputs(**values | given)


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
    assert facts.clusters and facts.clusters.group is None and facts.source.kind == "local"
    card = model_card.text(inputs(delivered))
    assert (
        f"form {facts.clusters.clusters} clusters (near-duplicates), the largest of {facts.clusters.largest}." in card
    )
    grouped = facts.clusters.model_copy(update={"group": "by|*who*", "texts_of_train_groups": 7})
    held_out = facts.source.model_copy(update={"held_out": 0.25})
    facts = facts.model_copy(update={"clusters": grouped, "source": held_out})
    card = model_card.text(inputs(delivered, facts=facts))
    assert r"(25% of the texts, whole groups of the column by\|\*who\*, held out by class, seed fixed)" in card
    by_time = facts.model_copy(update={"by_time": corpus_card.TimeSplit(column="day*", first="2019-05-03")})
    timed = model_card.text(inputs(delivered, facts=by_time))
    assert r"(the last 25% in time, column day\*, from 2019-05-03 on):" in timed
    assert r"a group that has training texts, too: 7." in card and r"(column by\|\*who\* and near-duplicates)" in card


def test_a_model_that_always_gives_one_answer_says_so(delivered: Path) -> None:
    """3 % spam: "error 3.00 %" alone would be praise of a model that has learnt nothing."""
    labels = (np.arange(100) < 3).astype(np.int32)
    ham = dataset_results.outcome(labels, np.tile(np.float32([2, 0]), (100, 1)), ["ham", "spam"])
    card = model_card.text(inputs(delivered, outcome=ham))
    assert "| error (%) | 3.00 |" in card and "| error (%) of always answering ham | 3.00 |" in card
    assert "**It errs no less than always answering ham**" in card
    assert "Never answered on these texts: spam (the label of 3)." in card
    assert "| spam | 12 | 3 | never answered | 0.000 | 0.000 |" in card


def test_a_test_split_of_one_class_has_no_macro_f1(delivered: Path) -> None:
    one = dataset_results.outcome(np.zeros(20, np.int32), np.tile(np.float32([2, 0]), (20, 1)), ["ham", "spam"])
    text = model_card.text(inputs(delivered, outcome=one))
    assert "| macro-F1 | one class only |  |" in text and "| Matthews correlation | one class only |" in text
    assert {result.metric_type for result in ModelCard(text).data.eval_results} == {"accuracy"}


def test_names_cannot_change_the_metadata(delivered: Path) -> None:
    metadata = {
        "study": "a: b\n---\nlicense: other",
        "encoder": SPEC.encoder.model_copy(update={"licence": None, "hub": "o/m"}),
    }
    spec = SPEC.model_copy(update=metadata)
    facts = corpus_card.read(delivered / "card.json").model_copy(update={"title": "- 'x\n--- # \u2028"})
    data = ModelCard(model_card.text(inputs(delivered, spec=spec, facts=facts))).data
    assert {"library_name", "pipeline_tag", "base_model", "model-index"} <= data.to_dict().keys()
    assert "license" not in data.to_dict()
    assert (data.model_name, data.base_model) == (spec.study, "o/m")
    assert data.eval_results[0].dataset_name == facts.title


def test_measures_of_the_runtimes(delivered: Path) -> None:
    assert "## Speed" not in model_card.text(inputs(delivered)), "neither measures nor a reason"
    measures = [
        RuntimeMeasure("torch", 91_000_000, 12.34, 150.4, 1.0, 0.0),
        RuntimeMeasure("ONNX, 8-bit", 59_800_000, 3.21, 1234.4, 0.9975, 0.2146),
        RuntimeMeasure("ONNX, float32", 91_700_000, 6.0, 99.9, 1.0, 6.3e-7),
    ]
    card = model_card.text(inputs(delivered, runtimes=RuntimeComparison(measures, 416, 8, "Xeon|*", 2)))
    assert r"On Xeon\|\*, 2 threads, with texts of the test split:" in card and "on 416 texts" in card
    assert "texts a second, 8 at a time" in card
    assert "| torch | 91.0 MB | 12.3 | 150 | 100.00 | 0 |\n" in card
    assert "| ONNX, 8-bit | 59.8 MB | 3.2 | 1,234 | 99.75 | 0.215 |\n" in card
    assert "| ONNX, float32 | 91.7 MB | 6.0 | 100 | 100.00 | 6e-07 |\n" in card
    assert "`--runtime onnx`" in card
    card = (delivered / "model/README.md").read_text()
    assert "| torch |" in card and "| ONNX, 8-bit |" in card and "1 thread," in card


def test_word_counts(delivered: Path) -> None:
    spec = SPEC.model_copy(update={"encoder": None, "recipe": None, "pretrain": None, "pretrained_on": [], "sizes": []})
    card = model_card.text(inputs(delivered, spec=spec, runtimes=RuntimeComparison(reason="it counts words")))
    assert "TF-IDF of words or characters and logistic regression" in card and "transformers" not in card
    assert "no ONNX file: it counts words." in card


def test_texts_that_may_be_memorised(delivered: Path) -> None:
    said = "**Before you publish the model**: it may give away texts that it was trained on, as "
    assert said not in model_card.text(inputs(delivered, memorisation=Memorisation(False, "the licence is open")))
    assert f"{said}so it is." in model_card.text(inputs(delivered, memorisation=Memorisation(True, "so it is")))
    assert said in (delivered / "model/README.md").read_text()


def test_every_section_is_included() -> None:
    page = (model_card.TEMPLATES / "modelcard.md").read_text()
    sections = {path.name for path in model_card.TEMPLATES.glob("card_*.md")}
    assert sections and all(f'{{% include "{name}" %}}' in page for name in sections)
