"""What is said of the user's texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.data.corpus_card import CorpusCard
from bertfit.dataset_report import text_facts
from bertfit.dataset_report.text_facts import ClassRows, SizeRow
from bertfit.experiments.job_specs import SizeDifference
from helpers import dataset_results

LABELS = np.array([0, 0, 0, 1])


def card(**given) -> CorpusCard:
    return CorpusCard.model_validate(dataset_results.card(["a", "b"], LABELS, **given))


def test_rows_of_the_classes() -> None:
    assert text_facts.class_rows(card()) == [ClassRows("a", 12, 3, 1.0), ClassRows("b", 4, 1, 1 / 3)]


def test_lengths_of_the_training_texts(tmp_path) -> None:
    path = tmp_path / "train.parquet"
    texts = ["ab"] * 6 + ["abcd"] * 3 + ["Жжжжжжжж"]
    pq.write_table(pa.table({"text": texts, "label": [0] * 10}), path)
    found = dict(text_facts.facts(card(), path))
    assert found["Length"] == "half of them up to 2 characters, nine of ten up to 4, the longest 8"
    assert "Length" not in dict(text_facts.facts(card(), None)) and text_facts.lengths([]) == []


def test_language_and_what_the_encoder_knows_without_the_warnings() -> None:
    found = dict(text_facts.facts(card(), None, dataset_results.coverage(unknown_pieces=0.62)))
    assert found["Language"].startswith("The texts are in English; letters by script: Latin 100 %")
    assert "62 % of the word pieces are unknown" in found["Encoder"] and "Take" not in "".join(found.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "20 % of the distinct texts, held out by class before training"),
        (
            {"clusters": dataset_results.card(["a"], LABELS)["clusters"] | {"group": "author"}},
            "20 % of the rows, whole groups, held out by class before training",
        ),
        ({"by_time": {"column": "day", "first": "2020-01-03"}}, "the last ones by column day, from 2020-01-03 on"),
        ({"source": {"kind": "local", "files": {"train": {"path": "a.csv", "sha256": ""}}}}, "a file of their own"),
    ],
)
def test_how_the_test_split_came_about(given, said) -> None:
    assert dict(text_facts.facts(card(**given), None))["Test texts"] == said


def test_copies_and_rows_that_belong_together() -> None:
    clusters = dataset_results.card(["a"], LABELS)["clusters"] | {"group": "author"}
    found = dict(text_facts.facts(card(clusters=clusters, test_texts_in_train=1), None))
    assert found["Copies"] == "12 copies among the training texts; 1 test text also in training word for word, 3 nearly"
    assert found["Rows that belong together"] == "by column author" and found["File"] == "news.csv"


def test_sizes_are_named() -> None:
    found = text_facts.sizes([
        SizeDifference(key="finetune.max_length", paper=512, here=96),
        SizeDifference(key="finetune.lr", paper=2e-5, here=1e-4),
        SizeDifference(key="finetune.other", paper=None, here=1000),
    ])  # fmt: skip
    assert found == [
        SizeRow("word pieces of a text that are read", "96", "512"),
        SizeRow("learning rate", "0.0001", "2e-05"),
        SizeRow("finetune.other", "1,000", "None"),
    ]
