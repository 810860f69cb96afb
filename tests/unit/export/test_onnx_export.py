"""ONNX files give the logits of transformers: texts of all lengths, padded or alone, one label or several."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig
from transformers.models.bert.modeling_bert import BertForSequenceClassification

from bertfit.core.errors import UserError
from bertfit.export import onnx_export
from bertfit.inference.model_folder import ONNX
from bertfit.inference.onnx_classifier import INPUTS, OUTPUT


def run(file: Path, inputs: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], {name: inputs[name] for name in INPUTS})[0]


def test_texts_of_all_lengths(delivered: Path) -> None:
    folder = delivered / "model"
    texts = ["", "w1", *pq.read_table(delivered / "test.parquet")["text"].to_pylist()]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for batch in (texts[:1], texts[1:2], texts[:33], texts):
        inputs = dict(tokenizer(batch, padding=True, truncation=True, return_tensors="pt"))
        with torch.no_grad():
            expected = model(**inputs).logits.numpy()
        found = run(folder / ONNX["onnx"], {name: value.numpy() for name, value in inputs.items()})
        assert np.abs(found - expected).max() < 1e-4 and np.ptp(expected) > 0.5


def test_products_have_8_bit_weights_and_embeddings_have_not(delivered: Path) -> None:
    graphs = {name: onnx.load(delivered / "model" / file).graph for name, file in ONNX.items()}
    assert [each.name for each in graphs["onnx"].input] == list(INPUTS)
    kinds = {
        name: {each.name: each.data_type for each in graph.initializer if len(each.dims) == 2}
        for name, graph in graphs.items()
    }
    assert onnx.TensorProto.INT8 not in kinds["onnx"].values()
    eight = [name for name, kind in kinds["onnx8"].items() if kind == onnx.TensorProto.INT8]
    assert len(eight) == 14, "six in each of two layers, pooler and classifier"
    (words,) = [kind for name, kind in kinds["onnx8"].items() if name.endswith("word_embeddings.weight")]
    assert words == onnx.TensorProto.FLOAT


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of transformers alone, with several labels a text and a true pooler."""
    folder = tmp_path_factory.mktemp("several")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=5,
        max_position_embeddings=40, problem_type="multi_label_classification", initializer_range=0.3,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    onnx_export.write(folder)
    return folder


def test_several_labels_a_text(several: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(several).eval()
    draw = np.random.default_rng(2)
    for rows, pieces in ((1, 2), (3, 40), (7, 11)):
        lengths = draw.integers(1, pieces + 1, rows)
        inputs = {
            "input_ids": draw.integers(5, 50, (rows, pieces)),
            "attention_mask": (np.arange(pieces) < lengths[:, None]).astype(np.int64),
            "token_type_ids": draw.integers(0, 2, (rows, pieces)),
        }
        with torch.no_grad():
            expected = model(**{name: torch.from_numpy(value) for name, value in inputs.items()}).logits.numpy()
        assert np.abs(run(several / ONNX["onnx"], inputs) - expected).max() < 1e-4
        close = np.abs(run(several / ONNX["onnx8"], inputs) - expected).max()
        assert 0 < close < 0.5 * np.ptp(expected)


def test_a_folder_that_transformers_cannot_load(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="transformers cannot load it"):
        onnx_export.export(tmp_path, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
