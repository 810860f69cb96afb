"""A classifier computed by torch, truncated and packed as in training: the logits are those of its evaluation.

They are bit-identical for chunks of the same texts. Shapes: R texts, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_export
from bertfit.model.classifier_head import Classifier
from bertfit.stages import evaluate
from bertfit.tokens import special_tokens, vocabulary_file
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices


@dataclass(frozen=True)
class PackedClassifier:
    """A classifier loaded from a folder, on this machine's device."""

    model: Classifier
    recipe: Finetune
    names: list[str]
    tokenizer: Any
    device: torch.device

    @classmethod
    def load(cls, folder: Path, threads: int | None = None, device: torch.device | None = None) -> PackedClassifier:
        """Load a folder written by `hf_export.write`; ``device``: a GPU by default, if there is one.

        Raises `UserError` for other folders.
        """
        found = devices.prepare(threads or torch.get_num_threads())
        model, recipe, names = hf_export.load(folder)
        target = device or found
        return cls(model.to(target), recipe, names, vocabulary_file.load(folder), target)

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """(R, C) logits of R texts."""
        encodings = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        offsets = np.cumsum([0, *(len(encoding.ids) for encoding in encodings)], dtype=np.int32)
        values = np.concatenate([np.asarray(encoding.ids, np.int32) for encoding in encodings])
        size, special = vocabulary_file.id_type(self.tokenizer)[0], special_tokens.ids(self.tokenizer)
        labels = np.zeros(len(texts), np.int32)
        packed = Tokens(
            values, offsets, None, None, labels, self.names, vocabulary_size=size, label_sets=None, **special
        )
        return evaluate.EvaluationSet(packed, self.recipe, self.device).logits(self.model, lambda: None).numpy()
