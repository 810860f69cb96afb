"""Predictions of an exported classifier on new texts: those of training to the bit, in the order of the file."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from bertfit.config.corpus_schema import Replacement
from bertfit.core import text_columns
from bertfit.core.errors import UserError
from bertfit.export import predict
from conftest import ROOT
from helpers.delivered import NAMES, logits_of


@pytest.mark.usefixtures("cpu")
def test_logits_are_those_of_training_to_the_bit(delivered: Path) -> None:
    answerer = predict.Predictor.load(delivered / "model", threads=1)
    texts = pq.read_table(delivered / "test.parquet")["text"].to_pylist()
    assert max(len(text.split()) for text in texts) > 40, "some are cut, head and tail"
    assert np.array_equal(answerer.logits(texts), logits_of(delivered))
    few = np.concatenate([answerer.logits(texts[:7]), answerer.logits(texts[7:])])
    assert np.abs(few - logits_of(delivered)).max() < 1e-5, "in other pieces, too"
    assert answerer.names == NAMES


@pytest.mark.usefixtures("cpu")
def test_new_texts_stream_in_order(delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty texts, quotes and line ends in a file of several pieces; every row has its own answer."""
    lines = [*pq.read_table(delivered / "test.parquet")["text"].to_pylist()[:20], "", 'w1 "w2"\nw3, w4']
    with open(tmp_path / "new.csv", "w", newline="") as handle:
        csv.writer(handle).writerows([["id", "full text"], *enumerate(lines)])
    monkeypatch.setattr(predict, "ROWS", 5)
    assert predict.run(delivered / "model", tmp_path / "new.csv", "full text", tmp_path / "out.csv", threads=1) == 22
    with open(tmp_path / "out.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [int(row["row"]) for row in rows] == list(range(1, 23))
    expected = predict.Predictor.load(delivered / "model", threads=1).logits(lines).astype(np.float64)
    expected = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    assert np.allclose([[float(row[f"p({name})"]) for name in NAMES] for row in rows], expected, atol=2e-6)
    assert [row["label"] for row in rows] == [["'=a", "b|c", "-1"][number] for number in expected.argmax(1)]


def test_a_torn_file_leaves_no_answers(delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new.csv").write_bytes(b"text\n" + b"w1 w2\n" * 9 + b"\xff\n")
    monkeypatch.setattr(predict, "ROWS", 3)
    monkeypatch.setattr(text_columns, "BATCH", 3)
    with pytest.raises(UserError, match="UTF-8"):
        predict.run(delivered / "model", tmp_path / "new.csv", "text", tmp_path / "out.csv", threads=1)
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_a_folder_that_is_no_model(delivered: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text\nw1\n")
    for folder, message in ((tmp_path, "no model in it"), (delivered / "encoder", "bertfit did not write this model")):
        with pytest.raises(UserError, match=message):
            predict.run(folder, tmp_path / "new.csv", "text", tmp_path / "out.csv")
    with pytest.raises(UserError, match="the predictions would replace the texts"):
        predict.run(delivered / "model", tmp_path / "new.csv", "text", tmp_path / "new.csv")


def test_the_command(delivered: Path, tmp_path: Path) -> None:
    """The column of training is the default; what is wrong is one line and status 2."""
    (tmp_path / "new.jsonl").write_text(json.dumps({"full text": "w1 w2"}) + "\n")
    command = [sys.executable, str(ROOT / "scripts/predict.py"), str(delivered / "model"), "new.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1 texts classified: new.answers.csv\n"), done.stderr
    done = subprocess.run([*command, "--text", "text"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith(
        "error: new.jsonl: no column 'text'; did you mean 'full text'"
    )


def test_new_texts_are_cleaned_as_those_of_the_training(tmp_path: Path) -> None:
    assert predict.cleaning(tmp_path) == []
    (tmp_path / "bertfit.json").write_text('{"text": "t", "study": "s", "clean": [{"replace": "<[^>]+>", "by": " "}]}')
    assert predict.cleaning(tmp_path) == [Replacement(replace="<[^>]+>", by=" ")]
