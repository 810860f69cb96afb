"""An exported classifier: its folder, its model card, and its predictions on new texts."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard
from transformers import pipeline

from bertfit.config.corpus_schema import Corpus, TextForm
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files, row_readers
from bertfit.core.errors import UserError
from bertfit.data import corpora, corpus_card
from bertfit.evaluation import calibration, predictions, score_runs
from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import deliver, model_card, predict
from bertfit.stages import finetuning
from bertfit.tokens import tokenize_corpus
from conftest import ROOT
from helpers import madeup, tiny

RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, steps=6, batch_size=8, head_init=1.0, save_model=True)
NAMES = ["=a", "b|c", "-1"]
ROW = {"column": "T", "corpus": "t", "recipe": "r", "status": "ok", "reason": ""}
SPEC = DeliverySpec.model_validate({
    "study": "example.t", "seed": 2, "text": "full text", "row": "ITPT", "pretrained_on": ["texts", "unlabelled"],
    "encoder": {"title": "Tiny", "hub": None, "revision": None, "package": "p", "folder": None, "licence": "MIT"},
    "cells": [
        {**ROW, "row": row, "encoder": row, "seeds": [1, 2]}
        for row in ("ITPT", "FiT")
    ],
    "recipe": RECIPE.model_dump(), "pretrain": {"steps": 7, "batch_size": 32, "max_length": 24, "lr": 5e-5},
    "sizes": [{"key": "finetune.max_length", "paper": 512, "here": 24}], "template": "",
})  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported block of two seeds, trained on a corpus of texts up to 60 words."""
    root = tmp_path_factory.mktemp("made")
    words = tiny.vocabulary(root / "words")
    for split, size, seed in (("train", 60, 1), ("test", 90, 2)):
        lines, labels = tiny.texts(size, seed)
        lines[3] = "<script>w1</script>|w2 w3"
        table = pa.table({"text": lines, "label": [NAMES[label] for label in labels]})
        pq.write_table(table, root / f"{split}.raw.parquet")
    local = {"train": "train.raw.parquet", "test": "test.raw.parquet", "label_names": NAMES, "format": "parquet"}
    for split in ("train", "test"):  # an official format may have empty texts; so may these
        raw = pq.read_table(root / f"{split}.raw.parquet").to_pandas()
        raw.loc[raw["text"] == "", "text"] = "w0"
        pq.write_table(pa.Table.from_pandas(raw, preserve_index=False), root / f"{split}.raw.parquet")
    corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})
    paths = {split: root / f"{split}.parquet" for split in ("train", "test")}
    corpora.build("t", corpus, files=corpus.source.files(root), sample=None, card=root / "card.json", **paths)
    for split, path in paths.items():
        tokenize_corpus.build(path, words, TextForm(), root / f"{split}.arrow")
    tiny.encoder(root / "encoder", words)
    finetuning.run(
        recipe=RECIPE,
        files=tiny.input_files(root),
        block=tiny.block(root, [1, 2], model_folder=root / "models"),
    )
    runs = [madeup.run_files(root, "t", row, "r") for row in ("ITPT", "FiT")]
    score_runs.build(runs, root / "scores.parquet", study="t")
    (root / "figure.png").write_bytes(b"PNG")
    deliver.build(
        spec=SPEC, models=root / "models", predictions=root / "predictions.parquet", test=root / "test.parquet",
        corpus=root / "card.json", scores=root / "scores.parquet", figure=root / "figure.png", model=root / "model",
        answered=root / "predictions.csv", mistakes=root / "mistakes.csv",
    )  # fmt: skip
    return root


def logits_of(root: Path) -> np.ndarray:
    return next(
        one.logits
        for one in predictions.last_evaluations(predictions.read_evaluations(root / "predictions.parquet"))
        if one.seed == 2
    )


def test_logits_are_those_of_training_to_the_bit(made: Path) -> None:
    answerer = predict.Predictor.load(made / "model", threads=1)
    texts = pq.read_table(made / "test.parquet")["text"].to_pylist()
    assert max(len(text.split()) for text in texts) > 40, "some are cut, head and tail"
    assert np.array_equal(answerer.logits(texts), logits_of(made))
    few = np.concatenate([answerer.logits(texts[:7]), answerer.logits(texts[7:])])
    assert np.abs(few - logits_of(made)).max() < 1e-5, "in other pieces, too"
    assert answerer.names == NAMES


def test_the_folder_is_what_transformers_loads_with_the_right_names(made: Path) -> None:
    classify = pipeline("text-classification", model=str(made / "model"), device="cpu", top_k=None)
    (found,) = classify(["w1 w2 w3"])
    assert {one["label"] for one in found} == set(NAMES)
    assert files.read_json(made / "model/bertfit.json") == {"text": "full text", "study": "example.t"}


def test_answers_on_the_test_set(made: Path) -> None:
    frame = pd.read_csv(made / "predictions.csv", dtype={"label": str, "answer": str})
    logits = logits_of(made).astype(np.float64)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(frame[[f"p({name})" for name in NAMES]], chances, atol=1e-6)
    shown = np.array(["'=a", "b|c", "-1"])  # no formula in a spreadsheet; a number stays one
    assert (frame["answer"] == shown[logits.argmax(1)]).all()
    wrong = frame[frame["label"] != frame["answer"]].sort_values("probability", ascending=False, kind="stable")
    found = pd.read_csv(made / "mistakes.csv", dtype={"label": str, "answer": str})
    assert len(wrong) > 3 and found["example"].tolist() == wrong["example"].tolist()[: deliver.MAX_MISTAKES]


def test_the_card_by_value(made: Path) -> None:
    card = (made / "model/README.md").read_text()
    labels = pq.read_table(made / "test.parquet")["label"].to_numpy()
    said = logits_of(made).argmax(1)
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


def test_the_hub_reads_the_results_from_the_card(made: Path) -> None:
    data = ModelCard.load(made / "model/README.md").data
    labels = pq.read_table(made / "test.parquet")["label"].to_numpy()
    said = logits_of(made).argmax(1)
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


def test_names_cannot_change_the_metadata(made: Path) -> None:
    metadata = {
        "study": "a: b\n---\nlicense: other",
        "encoder": SPEC.encoder.model_copy(update={"licence": None, "hub": "o/m"}),
    }
    spec = SPEC.model_copy(update=metadata)
    facts = corpus_card.read(made / "card.json").model_copy(update={"title": "- 'x\n--- # \u2028"})
    curve = calibration.curve(np.array([0.5]), np.array([True]))
    (mine,) = (
        one
        for one in predictions.last_evaluations(predictions.read_evaluations(made / "predictions.parquet"))
        if one.seed == 2
    )
    card = model_card.text(spec, mine, curve, facts, pq.read_table(made / "scores.parquet").to_pandas())
    data = ModelCard(card).data
    assert data.to_dict().keys() == {"library_name", "pipeline_tag", "base_model", "model-index"}
    assert (data.model_name, data.base_model) == (spec.study, "o/m")
    assert data.eval_results[0].dataset_name == facts.title


def test_new_texts_stream_in_order(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty texts, quotes and line ends in a file of several pieces; every row has its own answer."""
    lines = [*pq.read_table(made / "test.parquet")["text"].to_pylist()[:20], "", 'w1 "w2"\nw3, w4']
    with open(tmp_path / "new.csv", "w", newline="") as handle:
        csv.writer(handle).writerows([["id", "full text"], *enumerate(lines)])
    monkeypatch.setattr(predict, "ROWS", 5)
    assert predict.run(made / "model", tmp_path / "new.csv", "full text", tmp_path / "out.csv", threads=1) == 22
    with open(tmp_path / "out.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [int(row["row"]) for row in rows] == list(range(1, 23))
    expected = predict.Predictor.load(made / "model", threads=1).logits(lines).astype(np.float64)
    expected = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    assert np.allclose([[float(row[f"p({name})"]) for name in NAMES] for row in rows], expected, atol=2e-6)
    assert [row["label"] for row in rows] == [["'=a", "b|c", "-1"][number] for number in expected.argmax(1)]


def test_a_torn_file_leaves_no_answers(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new.csv").write_bytes(b"text\n" + b"w1 w2\n" * 9 + b"\xff\n")
    monkeypatch.setattr(predict, "ROWS", 3)
    monkeypatch.setattr(row_readers, "BATCH", 3)
    with pytest.raises(UserError, match="UTF-8"):
        predict.run(made / "model", tmp_path / "new.csv", "text", tmp_path / "out.csv", threads=1)
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_a_folder_that_is_no_model(made: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text\nw1\n")
    for folder, message in ((tmp_path, "no model in it"), (made / "encoder", "bertfit did not write this model")):
        with pytest.raises(UserError, match=message):
            predict.run(folder, tmp_path / "new.csv", "text", tmp_path / "out.csv")
    with pytest.raises(UserError, match="the predictions would replace the texts"):
        predict.run(made / "model", tmp_path / "new.csv", "text", tmp_path / "new.csv")


def test_the_command(made: Path, tmp_path: Path) -> None:
    """The column of training is the default; what is wrong is one line and status 2."""
    (tmp_path / "new.jsonl").write_text(json.dumps({"full text": "w1 w2"}) + "\n")
    command = [sys.executable, str(ROOT / "scripts/predict.py"), str(made / "model"), "new.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1 texts classified: new.answers.csv\n"), done.stderr
    done = subprocess.run([*command, "--text", "text"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith(
        "error: new.jsonl: no column 'text'; did you mean 'full text'"
    )
