"""What is delivered: the folder of a model, its answers on the test set and its mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from transformers import pipeline

from bertfit.core import files
from bertfit.export import deliver
from helpers.delivered import NAMES, logits_of


def test_the_folder_is_what_transformers_loads_with_the_right_names(delivered: Path) -> None:
    classify = pipeline("text-classification", model=str(delivered / "model"), device="cpu", top_k=None)
    (found,) = classify(["w1 w2 w3"])
    assert {one["label"] for one in found} == set(NAMES)
    assert files.read_json(delivered / "model/bertfit.json") == {"text": "full text", "study": "example.t"}


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
