"""Word counts as a `TextClassifier`. Shapes: R texts, C classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bertfit.inference.model_folder import ModelFolder
from bertfit.word_counts.classifier import WordCounts


@dataclass(frozen=True)
class WordCountClassifier:
    """Word counts of a folder; ``threads`` of the products, all cores by default."""

    model: WordCounts
    threads: int | None

    @classmethod
    def load(cls, folder: ModelFolder, threads: int | None = None) -> WordCountClassifier:
        """Load the word counts of a folder. Raises `UserError` where they are damaged."""
        return cls(WordCounts.load(folder.path), threads)

    @property
    def names(self) -> list[str]:
        """The class names (C)."""
        return self.model.label_names

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """(R, C) logits of R texts."""
        with threadpool_limits(self.threads):
            return self.model.logits(texts)
