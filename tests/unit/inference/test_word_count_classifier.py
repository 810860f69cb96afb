"""Word counts as a classifier: in a folder as it is exported, one label a text or several, and with a temperature."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bertfit.core import files
from bertfit.export.head_scaling import scale_head
from bertfit.inference import predict, text_classifier
from bertfit.inference.model_folder import ModelFolder
from bertfit.inference.predict import Request
from bertfit.word_counts.classifier import WordCounts

NAMES = ["bad", "good", "plain"]
TEXTS = ["an awful film", "awful and dull", "a fine film", "fine and bright", "a film", "a film and a film"]
LABELS = np.array([0, 0, 1, 1, 2, 2], np.int32)


def saved(folder: Path, several: bool) -> WordCounts:
    sets = ((0,), (1,), (0, 2)) if several else None
    model, _ = WordCounts.fit(TEXTS, LABELS, NAMES, analyzer="words", sets=sets)
    model.save(folder)
    return model


@pytest.mark.parametrize("several", [False, True])
def test_logits_names_and_kind(tmp_path: Path, several: bool) -> None:
    model = saved(tmp_path, several)
    folder = ModelFolder.open(tmp_path)
    loaded = text_classifier.load(folder, threads=1)
    assert np.array_equal(loaded.logits(TEXTS), model.logits(TEXTS))
    assert loaded.names == folder.names == NAMES and folder.several_labels == several


@pytest.mark.parametrize("several", [False, True])
def test_a_temperature(tmp_path: Path, several: bool) -> None:
    before = saved(tmp_path, several).logits(TEXTS)
    files.write_json(tmp_path / "bertfit.json", {"study": "s"})
    scale_head(tmp_path, 2.0)
    scale_head(tmp_path, 1.25)
    after = text_classifier.load(ModelFolder.open(tmp_path)).logits(TEXTS)
    assert np.allclose(after, before / 2.5, rtol=1e-6, atol=1e-6) and (after.argmax(1) == before.argmax(1)).all()
    assert files.read_json(tmp_path / "bertfit.json") == {"study": "s", "temperature": 2.5}


def test_predictions(tmp_path: Path) -> None:
    saved(tmp_path / "model", several=True)
    (tmp_path / "new.csv").write_text("text\nfine\n\nawful film\n")
    predict.run(tmp_path / "model", Request(str(tmp_path / "new.csv"), str(tmp_path / "out.jsonl")))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["labels"] for row in rows] == [["good"], ["bad"]] and [row["row"] for row in rows] == [1, 2]
