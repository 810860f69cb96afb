"""The interface of a loaded classifier, and which class computes it: torch, ONNX Runtime, or word counts.

Shapes: R texts, C classes.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bertfit.core.errors import UserError
from bertfit.inference.model_folder import ONNX, ModelFolder

Runtime = Literal["torch", "onnx", "onnx8"]


class TextClassifier(Protocol):
    """A classifier that is ready to answer."""

    @property
    def names(self) -> list[str]:
        """The class names (C), in the order of the logits."""

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """(R, C) logits of R texts."""


def load(folder: ModelFolder, runtime: Runtime = "torch", threads: int | None = None) -> TextClassifier:
    """Load the classifier of a folder; ``threads``: all cores by default.

    ``runtime`` chooses between the libraries that compute an encoder; word counts have one only. Nothing but the chosen
    one is imported. Raises `UserError` where the folder lacks what the runtime needs.
    """
    if folder.kind == "word_counts":
        if runtime != "torch":
            raise UserError(f"{folder.path}: the model counts words and has no ONNX file; leave out --runtime")
        from bertfit.inference.word_count_classifier import WordCountClassifier

        return WordCountClassifier.load(folder, threads)
    if runtime == "torch":
        from bertfit.inference.packed_classifier import PackedClassifier

        return PackedClassifier.load(folder.path, threads)
    from bertfit.inference.onnx_classifier import OnnxClassifier

    return OnnxClassifier.load(folder, folder.path / ONNX[runtime], threads)
