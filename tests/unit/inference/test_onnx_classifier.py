"""ONNX Runtime: the truncation and padding of texts, and files that cannot be loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from bertfit.batching import packing
from bertfit.core.errors import UserError
from bertfit.inference import onnx_classifier
from bertfit.inference.model_folder import ONNX, ModelFolder
from bertfit.inference.onnx_classifier import OnnxClassifier
from helpers.delivered import NAMES, logits_of


def loaded(folder: Path) -> OnnxClassifier:
    return OnnxClassifier.load(ModelFolder.open(folder), folder / ONNX["onnx"], threads=1)


def test_logits_of_texts_cut_as_in_training(delivered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of 0 to 60 words, of which 24 pieces are read: head and tail."""
    texts = pq.read_table(delivered / "test.parquet")["text"].to_pylist()
    model = loaded(delivered / "model")
    assert np.abs(model.logits(texts) - logits_of(delivered)).max() < 1e-4
    assert model.names == NAMES
    monkeypatch.setitem(packing.BATCH_TOKENS, "cpu", 1)  # every text alone, without padding
    assert np.abs(model.logits(texts[:20]) - logits_of(delivered)[:20]).max() < 1e-4


def test_padding() -> None:
    inputs = onnx_classifier._padded([np.array([5, 6]), np.array([7, 8, 9])], pad=3)
    assert inputs["input_ids"].tolist() == [[5, 6, 3], [7, 8, 9]]
    assert inputs["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert not inputs["token_type_ids"].any() and all(value.dtype == np.int64 for value in inputs.values())


def test_missing_and_damaged_files(delivered: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(delivered / "model", copy)
    (copy / ONNX["onnx"]).write_bytes(b"damaged")
    with pytest.raises(UserError, match="cannot be loaded"):
        loaded(copy)
    (copy / ONNX["onnx"]).unlink()
    with pytest.raises(UserError, match="no such file; export the model again"):
        loaded(copy)


def test_without_onnxruntime(delivered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match="pip install onnxruntime"):
        loaded(delivered / "model")
