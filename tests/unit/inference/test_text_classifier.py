"""Which class computes a folder, and that nothing else is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.inference import text_classifier
from bertfit.inference.model_folder import ModelFolder
from bertfit.inference.onnx_classifier import OnnxClassifier
from conftest import ROOT

WITHOUT_TORCH = """
import sys
from pathlib import Path
from bertfit.inference import predict
from bertfit.inference.predict import Request
predict.run(Path(sys.argv[1]), Request(sys.argv[2], sys.argv[3], "full text", runtime="onnx8", threads=1))
print(sorted({"torch", "transformers", "pandas", "sklearn"} & set(sys.modules)))
"""


def test_the_class_of_each_runtime(delivered: Path) -> None:
    from bertfit.inference.packed_classifier import PackedClassifier

    folder = ModelFolder.open(delivered / "model")
    assert isinstance(text_classifier.load(folder, threads=1), PackedClassifier)
    for runtime in ("onnx", "onnx8"):
        assert isinstance(text_classifier.load(folder, runtime, 1), OnnxClassifier)


def test_onnx_imports_neither_torch_nor_transformers(delivered: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("full text\nw1 w2\n")
    command = [sys.executable, "-c", WITHOUT_TORCH, delivered / "model", tmp_path / "new.csv", tmp_path / "out.csv"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "scripts")})
    assert done.stdout == "[]\n", done.stderr
    assert (tmp_path / "out.csv").read_text().count("\n") == 2


def test_word_counts_have_no_onnx(tmp_path: Path) -> None:
    (tmp_path / "word_counts.json").write_text("{}")
    with pytest.raises(UserError, match="leave out --runtime"):
        text_classifier.load(ModelFolder.open(tmp_path), "onnx")
