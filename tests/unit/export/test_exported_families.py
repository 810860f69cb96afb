"""Classifiers on encoders of other families: scaled, in ONNX, in 8 bits, each with its kind of head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertfit.config.encoder_schema import Encoder
from bertfit.config.hyperparameters import Finetune
from bertfit.export import head_scaling, onnx_export
from bertfit.hugging_face import hf_encoder, hf_export
from bertfit.inference.model_folder import ONNX, ModelFolder
from bertfit.inference.onnx_classifier import OnnxClassifier
from bertfit.inference.packed_classifier import PackedClassifier
from bertfit.model.classifier_head import Classifier
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import fetch_encoder
from helpers import small_encoders, tiny

RECIPE = Finetune(max_length=100, truncation="head", save_model=True, head_init=0.5)
LINES, _ = tiny.texts(200, 1)
TEXTS = [line for line in LINES[:40] if line]
HEADS = [
    pytest.param("roberta", {}, id="tanh"),
    pytest.param("distilbert", {}, id="relu"),
    pytest.param("electra", {}, id="gelu"),
    pytest.param("modernbert", {}, id="gelu and a norm"),
    pytest.param("modernbert", {"norm_bias": True}, id="gelu and a norm with biases"),
]


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize(("name", "changes"), HEADS)
def test_logits_survive_scaling_and_every_runtime(name: str, changes: dict, tmp_path: Path) -> None:
    source = small_encoders.folder(tmp_path / "source", name, LINES, **changes)
    declared = Encoder(title="Small", vocabulary="own", layers=3, family=name, folder=str(source))
    fetch_encoder.fetch(declared, out=tmp_path / "encoder", job=JobIdentity("c0de", {}))
    model = Classifier(hf_encoder.load_encoder(tmp_path / "encoder"), 3, RECIPE, 1).eval()
    folder = tmp_path / "model"
    hf_export.write(model, ["a", "b", "c"], recipe=RECIPE, tokenizer=tmp_path / "encoder", out=folder)
    before = PackedClassifier.load(folder).logits(TEXTS)
    head_scaling.scale_head(folder, 2.0)
    scaled = PackedClassifier.load(folder).logits(TEXTS)
    assert np.ptp(before) > 0.5
    np.testing.assert_allclose(scaled, before / 2, rtol=0, atol=1e-5)
    onnx_export.write(folder)
    opened = ModelFolder.open(folder)
    exact, eight = (OnnxClassifier.load(opened, folder / ONNX[kind]).logits(TEXTS) for kind in ("onnx", "onnx8"))
    np.testing.assert_allclose(exact, scaled, rtol=0, atol=1e-4)
    assert np.abs(eight - scaled).mean() < 0.1 * np.ptp(scaled), "8 bits keep the differences of states"
