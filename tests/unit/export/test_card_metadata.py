"""What the hub reads at the head of a card: results, language, licence; names that would change it."""

from __future__ import annotations

import pytest
from huggingface_hub import ModelCard

from bertfit.data.corpus_card import CorpusCard, HubOrigin
from bertfit.export import card_metadata
from helpers.delivered import SPEC

FACTS = CorpusCard.model_validate({
    "corpus": "t", "language": "en", "title": "T", "domain": "topic", "note": None, "licence": "MIT", "sampled": None,
    "source": {"kind": "local", "files": {}}, "leaks_dropped": None, "fields": ["text"], "label_names": ["a", "b"],
    "splits": {}, "duplicates_in_train": 0, "test_texts_in_train": 0, "texts_of_several_labels": 0,
})  # fmt: skip
VALUES = {"accuracy": 0.912345, "macro_f1": 0.8, "mcc": 0.7}


def data(text: str) -> ModelCard:
    return ModelCard(f"---\n{text}\n---\n").data


def test_results_by_value() -> None:
    found = data(card_metadata.text(SPEC, FACTS, VALUES))
    results = {result.metric_type: result for result in found.eval_results}
    assert found.model_name == "example.t" and {result.dataset_name for result in results.values()} == {"T"}
    assert results["accuracy"].metric_value == 0.9123 and results["f1"].metric_args == {"average": "macro"}
    assert set(results) == {"accuracy", "f1", "matthews_correlation"}
    assert found.tags == ["text-classification", "bertfit", "bert"] and found.license == "mit"
    assert (found.language, found.library_name, found.pipeline_tag) == ("en", "transformers", "text-classification")


def test_what_is_not_known_is_left_out() -> None:
    spec = SPEC.model_copy(update={"encoder": None})
    text = card_metadata.text(spec, FACTS.model_copy(update={"language": "auto"}), {"accuracy": 1.0})
    found = data(text)
    assert found.to_dict().keys() == {"pipeline_tag", "tags", "model-index"} and "widget" not in text
    assert [result.metric_type for result in found.eval_results] == ["accuracy"]
    assert found.tags == ["text-classification", "bertfit", "tf-idf"]


def test_data_of_the_hub_and_several_labels() -> None:
    source = HubOrigin(kind="hub", dataset="o/texts", revision="a" * 40)
    text = card_metadata.text(SPEC, FACTS.model_copy(update={"source": source}), VALUES, several_labels=True)
    found = data(text)
    assert found.datasets == ["o/texts"] and found.tags[-1] == "multi-label"
    assert {(each.dataset_type, each.dataset_revision) for each in found.eval_results} == {("o/texts", "a" * 40)}


@pytest.mark.parametrize("name", ["a: b\n---\nlicense: other", "- 'x\n--- # \u2028"])
def test_names_cannot_change_the_metadata(name: str) -> None:
    encoder = SPEC.encoder.model_copy(update={"licence": None, "hub": "o/m"})
    spec = SPEC.model_copy(update={"study": name, "encoder": encoder})
    found = data(card_metadata.text(spec, FACTS.model_copy(update={"title": name}), VALUES))
    assert found.to_dict().keys() == {
        "language", "library_name", "pipeline_tag", "tags", "base_model", "model-index",
    }  # fmt: skip
    assert (found.model_name, found.base_model, found.eval_results[0].dataset_name) == (name, "o/m", name)
