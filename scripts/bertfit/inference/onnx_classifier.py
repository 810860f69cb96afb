"""A classifier computed by ONNX Runtime on the CPU, without torch and transformers. Texts are truncated as in training.

The answers do not depend on the texts beside a text, but for rounding; those of the 8-bit model do in their last
digits, as it chooses the scale of its integers for each batch. Shapes: R texts, C classes, B texts of a batch, T word
pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.inference.model_folder import ModelFolder
from bertfit.tokens import special_tokens, vocabulary_file
from bertfit.tokens.truncation import truncate

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "logits"


@dataclass(frozen=True)
class OnnxClassifier:
    """An ONNX file with the tokenizer and the class names of its folder."""

    session: Any
    tokenizer: Any
    recipe: Finetune
    names: list[str]

    @classmethod
    def load(cls, folder: ModelFolder, file: Path, threads: int | None = None) -> OnnxClassifier:
        """Load ``file`` of a folder. Raises `UserError` where onnxruntime or the file is missing, or it is damaged."""
        try:
            import onnxruntime
        except ImportError:
            raise UserError("onnxruntime is not installed: pip install onnxruntime, or --runtime torch") from None
        if not file.is_file():
            raise UserError(f"{file}: no such file; export the model again, or give --runtime torch")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common class
            raise UserError(f"{file}: cannot be loaded ({str(error)[:200]}); export the model again") from error
        return cls(session, vocabulary_file.load(folder.path), folder.recipe, folder.names)

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """(R, C) logits of R texts, computed in batches of similar length."""
        special = special_tokens.ids(self.tokenizer)
        pieces = [
            truncate(np.asarray(encoding.ids, np.int64), None, self.recipe, special["cls"], special["sep"])[0].ids
            for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ]
        logits = np.zeros((len(texts), len(self.names)), np.float32)
        lengths = np.array([len(ids) for ids in pieces])
        for rows in packing.by_length(lengths, packing.BATCH_TOKENS["cpu"]):
            given = _padded([pieces[row] for row in rows], special["pad"])
            read = {one.name: given[one.name] for one in self.session.get_inputs()}  # not all encoders tell segments
            (logits[rows],) = self.session.run([OUTPUT], read)
        return logits


def _padded(pieces: list[NDArray[np.int64]], pad: int) -> dict[str, NDArray[np.int64]]:
    """The inputs of the model, each (B, T) int64, of the word pieces of B texts."""
    shape = (len(pieces), max(map(len, pieces)))
    ids, mask = np.full(shape, pad, np.int64), np.zeros(shape, np.int64)
    for row, each in enumerate(pieces):
        ids[row, : len(each)], mask[row, : len(each)] = each, 1
    return dict(zip(INPUTS, (ids, mask, np.zeros(shape, np.int64)), strict=True))
