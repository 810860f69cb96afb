"""What is delivered: the folder of a model, its answers on the test set and its mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.special import softmax
from transformers import pipeline

from bertfit.core import files
from bertfit.export import deliver
from bertfit.inference import text_classifier
from bertfit.inference.model_folder import ModelFolder
from bertfit.search import outcome_record
from helpers.delivered import NAMES, export, logits_of


def test_the_folder_is_what_transformers_loads_with_the_right_names(delivered: Path) -> None:
    classify = pipeline("text-classification", model=str(delivered / "model"), device="cpu", top_k=None)
    (found,) = classify(["w1 w2 w3"])
    assert {one["label"] for one in found} == set(NAMES)
    settings = files.read_json(delivered / "model/bertfit.json")
    reason = settings.pop("memorisable_because")
    assert settings == {"text": "full text", "study": "example.t", "memorisable": True}
    assert "not known to be open" in reason and "trained to predict words" in reason
    assert {path.relative_to(delivered / "model").as_posix() for path in (delivered / "model").rglob("*.onnx")} == {
        "onnx/model.onnx",
        "onnx/model_int8.onnx",
    }


@pytest.mark.usefixtures("cpu")
def test_a_temperature_is_in_folder_and_tables(delivered: Path, tmp_path: Path) -> None:
    outcome = outcome_record.read(delivered / "outcome.json")
    calibration = outcome.calibration.model_copy(update={"temperature": 2.0, "note": ""})
    export(delivered, tmp_path, outcome.model_copy(update={"calibration": calibration}))
    frame = pd.read_csv(tmp_path / "predictions.csv")
    halved = softmax(logits_of(delivered).astype(np.float64) / 2, axis=1)
    assert np.allclose(frame[[f"p({name})" for name in NAMES]], halved, atol=1e-6)
    texts = pq.read_table(delivered / "test.parquet")["text"].to_pylist()
    folder = ModelFolder.open(tmp_path / "model")
    assert folder.config["bertfit"]["temperature"] == 2
    for runtime in ("torch", "onnx"):
        found = text_classifier.load(folder, runtime, 1).logits(texts)
        assert np.abs(softmax(found, axis=1) - halved).max() < 1e-4


def test_answers_on_the_test_set(delivered: Path) -> None:
    frame = pd.read_csv(delivered / "predictions.csv", dtype={"label": str, "answer": str})
    logits = logits_of(delivered).astype(np.float64)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(frame[[f"p({name})" for name in NAMES]], chances, atol=1e-6)
    shown = np.array(["'=a", "b|c", "-1"])  # no formula in a spreadsheet; a number stays one
    assert (frame["answer"] == shown[logits.argmax(1)]).all()
    wrong = frame[frame["label"] != frame["answer"]].sort_values("probability", ascending=False, kind="stable")
    found = pd.read_csv(delivered / "mistakes.csv", dtype={"label": str, "answer": str})
    assert len(wrong) > 3 and found["example"].tolist() == wrong["example"].tolist()[: deliver.MAX_MISTAKES]
