"""Predictions of a trained classifier on the texts of a file, as CSV; reads and writes in chunks.

Texts are truncated and packed as in training, so the logits are those of its evaluation, bit-identical for chunks of
the same texts. Shapes: R rows of a chunk, C classes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bertfit.config.corpus_schema import Replacement
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files, text_columns
from bertfit.core.errors import UserError
from bertfit.data.cleaning import clean_text
from bertfit.evaluation.predictions import softmax
from bertfit.export.deliver import SETTINGS, named
from bertfit.model import hf_export
from bertfit.model.packed_bert import Classifier
from bertfit.stages import evaluate
from bertfit.tokens import vocabulary_file
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices

ROWS = 4096  # of a chunk


@dataclass(frozen=True)
class Predictor:
    """A classifier loaded from a folder, on this machine's device."""

    model: Classifier
    recipe: Finetune
    names: list[str]
    tokenizer: Any
    device: torch.device

    @classmethod
    def load(cls, folder: Path, threads: int | None = None) -> Predictor:
        """Load a folder written by `hf_export.write`. Raises `UserError` for other folders."""
        target = devices.prepare(threads or torch.get_num_threads())
        model, recipe, names = hf_export.load(folder)
        return cls(model.to(target), recipe, names, vocabulary_file.load(folder), target)

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """(R, C) logits of R texts."""
        encodings = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        offsets = np.cumsum([0, *(len(encoding.ids) for encoding in encodings)], dtype=np.int32)
        values = np.concatenate([np.asarray(encoding.ids, np.int32) for encoding in encodings])
        size, special = vocabulary_file.id_type(self.tokenizer)[0], vocabulary_file.special_ids(self.tokenizer)
        labels = np.zeros(len(texts), np.int32)
        packed = Tokens(values, offsets, None, None, labels, self.names, **special, vocabulary_size=size)
        return evaluate.EvaluationSet(packed, self.recipe, self.device).logits(self.model, lambda: None).numpy()


def column(folder: Path) -> str | int:
    """The column of the texts that a model was trained on; ``text`` if its folder does not name one."""
    path = folder / SETTINGS
    return files.read_json(path)["text"] if path.is_file() else "text"


def cleaning(folder: Path) -> list[Replacement]:
    """The rules by which the texts that a model was trained on were cleaned; none if its folder does not say."""
    path = folder / SETTINGS
    rules = files.read_json(path).get("clean", []) if path.is_file() else []
    return [Replacement.model_validate(rule) for rule in rules]


def run(folder: Path, source: Path, text: str | int, out: Path, *, threads: int | None = None) -> int:
    """Predict the class of every text of a file and write a CSV; returns the number of texts.

    Texts are cleaned as those that the model was trained on. The columns of the CSV are ``row`` (from 1, in the order
    of the file), ``label``, ``probability``, and the probability of each class. Raises `UserError`, and writes nothing,
    for a folder without a model and a file that cannot be read.
    """
    if out.resolve() == source.resolve():
        raise UserError(f"{out}: the predictions would replace the texts; give -o another file")
    rules = cleaning(folder)
    texts = (clean_text(each, rules) for each in text_columns.read_column(source, text))
    first = list(islice(texts, ROWS))  # before the model is loaded, so that a wrong column is reported at once
    if not first:
        raise UserError(f"{source}: no rows; give a file with texts")
    predictor = Predictor.load(folder, threads)
    names, count = named(predictor.names), 0
    with files.atomic(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(["row", "label", "probability", *(f"p({name})" for name in predictor.names)])
        for chunk in _chunks(first, texts):
            for probabilities in softmax(predictor.logits(chunk)):
                count += 1
                best = int(probabilities.argmax())
                writer.writerow(
                    [count, names[best], f"{probabilities[best]:.6f}", *(f"{p:.6f}" for p in probabilities)]
                )
    return count


def _chunks(first: list[str], others: Iterator[str]) -> Iterator[list[str]]:
    yield first
    while chunk := list(islice(others, ROWS)):
        yield chunk
