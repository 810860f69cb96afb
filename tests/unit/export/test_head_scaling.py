"""A temperature in the weights: logits divided by it in every runtime, the same answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file
from transformers import pipeline

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.export import onnx_export
from bertfit.export.head_scaling import scale_head
from bertfit.inference.model_folder import ONNX, ModelFolder
from bertfit.inference.onnx_classifier import OnnxClassifier
from bertfit.inference.packed_classifier import PackedClassifier
from helpers.delivered import NAMES

T = 1.7
TEXTS = [f"w{number} w{2 * number}" for number in range(40)]


def content(weights: Path) -> tuple[dict[str, str], dict[str, NDArray]]:
    with safe_open(weights, "numpy") as handle:
        return handle.metadata(), load_file(weights)


@pytest.fixture
def folder(delivered: Path, tmp_path: Path) -> Path:
    shutil.copytree(delivered / "model", tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.usefixtures("cpu")
def test_logits_are_divided_in_every_runtime(folder: Path) -> None:
    before = PackedClassifier.load(folder, threads=1).logits(TEXTS)
    scale_head(folder, T)
    after = PackedClassifier.load(folder, threads=1).logits(TEXTS)
    assert np.allclose(after, before / T, rtol=1e-6, atol=1e-6) and np.ptp(before) > 1
    assert (after.argmax(1) == before.argmax(1)).all()
    onnx_export.export(folder, folder / ONNX["onnx"])
    found = OnnxClassifier.load(ModelFolder.open(folder), folder / ONNX["onnx"], 1).logits(TEXTS)
    assert np.abs(found - before / T).max() < 1e-4
    classify = pipeline("text-classification", model=str(folder), device="cpu", top_k=None)
    scores = {each["label"]: each["score"] for each in classify(TEXTS[1:2])[0]}
    expected = np.exp(before[1] / T) / np.exp(before[1] / T).sum()
    assert np.allclose([scores[name] for name in NAMES], expected, atol=1e-4)


def test_what_is_recorded_and_what_stays(folder: Path) -> None:
    weights = folder / "model.safetensors"
    metadata, before = content(weights)
    scale_head(folder, 2.0)
    scale_head(folder, T)
    assert files.read_json(folder / "config.json")["bertfit"]["temperature"] == pytest.approx(2 * T)
    metadata_after, after = content(weights)
    assert metadata_after == metadata, "transformers asks for the format that is named there"
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"classifier.weight", "classifier.bias"} and before.keys() == after.keys()
    assert all(after[name].dtype == before[name].dtype for name in before)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_temperature(tmp_path: Path, temperature: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        scale_head(tmp_path, temperature)


def test_folders_without_a_classifier(tmp_path: Path, delivered: Path) -> None:
    with pytest.raises(UserError, match="no model in it"):
        scale_head(tmp_path, T)
    shutil.copytree(delivered / "encoder", tmp_path / "encoder")
    with pytest.raises(UserError, match=r"no classifier.weight"):
        scale_head(tmp_path / "encoder", T)
