"""`WordCounts`: fitted on texts, it gives logits of others; saved as JSON and safetensors, without pickle.

Shapes: R texts, F features, C classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from bertfit.config.layout_schema import Language
from bertfit.core import files, label_sets
from bertfit.core.errors import UserError
from bertfit.core.label_sets import LabelSets
from bertfit.core.pydantic_errors import from_json
from bertfit.texts.stored_texts import chunks
from bertfit.word_counts import ngrams, regression
from bertfit.word_counts.ngrams import Analyzer, Unit
from bertfit.word_counts.regression import ClassWeights, LinearModel

SETTINGS, ARRAYS = "word_counts.json", "word_counts.safetensors"


class SavedSettings(BaseModel):
    """``word_counts.json``.

    ``unit`` and ``lengths``: `TfidfVectorizer`'s ``analyzer`` and ``ngram_range``; ``longest``: characters of a text
    that are read, null for all; ``vocabulary``: the n-gram of each feature; ``classes``: the class of each row of
    weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    unit: Unit
    lengths: tuple[int, int]
    longest: int | None
    several_labels: bool
    label_names: list[str]
    classes: list[int]
    vocabulary: list[str]


@dataclass(frozen=True)
class WordCounts:
    """TF-IDF of n-grams, and a linear model of them.

    ``several_labels``: whether a text has any number of the classes, and each class its own regression.
    """

    vectorizer: TfidfVectorizer
    model: LinearModel
    label_names: list[str]
    several_labels: bool = False

    @classmethod
    def fit(
        cls,
        texts: Collection[str],
        labels: npt.NDArray[np.int32],
        label_names: Sequence[str],
        *,
        analyzer: Analyzer = "default",
        language: Language = "auto",
        sets: LabelSets | None = None,
        class_weights: ClassWeights = "none",
        where: object = "texts",
    ) -> tuple[WordCounts, npt.NDArray[np.float32]]:
        """Fit on R texts, which are iterated over several times; returns it and the logits (R, C) of these texts.

        ``labels`` (R,): class numbers or, with ``sets``, numbers of sets of classes (`label_sets`). ``analyzer`` and
        ``language``: see `ngrams.unit`. Deterministic: same machine, same bits. Raises `NoWordsError` (with the place
        ``where``) if there is nothing to count, `ValueError` for one class alone.
        """
        vectorizer = ngrams.fit(texts, ngrams.unit(analyzer, language, texts), where)
        matrix = ngrams.transform(vectorizer, texts)
        if sets is None:
            model = regression.fit_one_label(matrix, labels, class_weights)
        else:
            members = label_sets.members(sets, len(label_names))[labels]
            model = regression.fit_several_labels(matrix, members, class_weights)
        fitted = cls(vectorizer, model, list(label_names), sets is not None)
        return fitted, fitted._logits(matrix)

    @property
    def unit(self) -> Unit:
        """What is counted."""
        return self.vectorizer.analyzer

    @property
    def features(self) -> int:
        """F, the number of n-grams."""
        return len(self.vectorizer.vocabulary_)

    @property
    def parameters(self) -> int:
        """Numbers that `save` writes: of the weights, the intercepts, and a weight of each n-gram."""
        return self.features + self.model.weights.size + self.model.intercepts.size

    def logits(self, texts: Iterable[str]) -> npt.NDArray[np.float32]:
        """(R, C) of R texts, a few of them in memory at a time.

        One label a text: the largest is the answer. Several: a text has each class whose logit is at least 0.
        """
        parts = [self._logits(ngrams.transform(self.vectorizer, chunk)) for chunk in chunks(texts)]
        return np.concatenate([np.empty((0, len(self.label_names)), np.float32), *parts])

    def _logits(self, matrix: csr_matrix) -> npt.NDArray[np.float32]:
        if self.several_labels:
            return self.model.several_labels(matrix)
        return self.model.one_label(matrix, len(self.label_names))

    def save(self, folder: Path) -> None:
        """Write `SETTINGS` and `ARRAYS` (``idf`` (F,), ``weights`` (rows, F), ``intercepts`` (rows,)) to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = SavedSettings(
            unit=self.unit,
            lengths=self.vectorizer.ngram_range,
            longest=ngrams.LONGEST if self.unit == "char_wb" else None,
            several_labels=self.several_labels,
            label_names=self.label_names,
            classes=self.model.classes.tolist(),
            vocabulary=self.vectorizer.get_feature_names_out().tolist(),
        )
        arrays = {
            "idf": self.vectorizer.idf_,
            "weights": self.model.weights,
            "intercepts": self.model.intercepts,
        }
        files.write_json(folder / SETTINGS, settings.model_dump(mode="json"))
        with files.atomic(folder / ARRAYS) as temporary:  # save_file would let the owner alone read it
            temporary.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))

    @classmethod
    def load(cls, folder: Path) -> WordCounts:
        """Read a folder that `save` wrote; the logits are the same to the bit. Raises `UserError` for other folders."""
        try:
            settings = from_json(SavedSettings, files.read_json(folder / SETTINGS))
            arrays = load_file(folder / ARRAYS)
            vectorizer = ngrams.vectorizer(settings.unit, vocabulary=settings.vocabulary)
            vectorizer.set_params(ngram_range=settings.lengths)
            vectorizer.idf_ = arrays["idf"]
        except Exception as error:  # safetensors raises its own type
            raise UserError(f"{folder}: not a saved model of word counts ({error}); train it again") from error
        model = LinearModel(arrays["weights"], arrays["intercepts"], np.asarray(settings.classes, np.int32))
        return cls(vectorizer, model, settings.label_names, settings.several_labels)
