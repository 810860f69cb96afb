"""Answers of a trained classifier on new texts: a file in, a CSV out, one piece of both in memory.

Texts are cut and packed as in training, so that the logits are those of its evaluation, to the bit where the texts of a
piece are the same. R rows of a piece, C classes.
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

from bertfit.config.hyperparameters import Finetune
from bertfit.core import files, row_readers
from bertfit.core.errors import UserError
from bertfit.evaluation.predictions import softmax
from bertfit.export.deliver import SETTINGS, named
from bertfit.model import hf_export
from bertfit.model.packed_bert import Classifier
from bertfit.stages import evaluate
from bertfit.tokens import vocabulary_file
from bertfit.tokens.token_file import Tokens
from bertfit.training import device

ROWS = 4096  # of a piece


@dataclass(frozen=True)
class Answerer:
    """A classifier of a model's folder, on this machine's device."""

    model: Classifier
    recipe: Finetune
    names: list[str]
    tokenizer: Any
    where: torch.device

    @classmethod
    def load(cls, folder: Path, threads: int | None = None) -> Answerer:
        """Read a folder that `hf_export.write` made. Raises `UserError` for any other one."""
        where = device.prepare(threads or torch.get_num_threads())
        model, recipe, names = hf_export.load(folder)
        return cls(model.to(where), recipe, names, vocabulary_file.load(folder), where)

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """(R, C) of R texts."""
        found = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        offsets = np.cumsum([0, *(len(one.ids) for one in found)], dtype=np.int32)
        values = np.concatenate([np.asarray(one.ids, np.int32) for one in found])
        size, special = vocabulary_file.id_type(self.tokenizer)[0], vocabulary_file.special_ids(self.tokenizer)
        labels = np.zeros(len(texts), np.int32)
        packed = Tokens(values, offsets, None, None, labels, self.names, **special, vocabulary_size=size)
        return evaluate.Evaluated(packed, self.recipe, self.where).logits(self.model, lambda: None).numpy()


def column(folder: Path) -> str | int:
    """The column of the texts that a model was trained on; ``text`` where its folder does not say."""
    path = folder / SETTINGS
    return files.read_json(path)["text"] if path.is_file() else "text"


def run(folder: Path, source: Path, text: str | int, out: Path, *, threads: int | None = None) -> int:
    """Answer every text of a file and write a CSV; returns how many there are.

    Its columns are ``row`` (from 1, in the order of the file), ``label``, ``probability``, and the probability of each
    class. Raises `UserError` for a folder that is no model and for a file that cannot be read; then nothing is written.
    """
    if out.resolve() == source.resolve():
        raise UserError(f"{out}: the answers would replace the texts; give -o another file")
    texts = row_readers.read_column(source, text)
    first = list(islice(texts, ROWS))  # before the model is loaded: a wrong column is known at once
    if not first:
        raise UserError(f"{source}: no rows; give a file with texts")
    answerer = Answerer.load(folder, threads)
    names, count = named(answerer.names), 0
    with files.atomic(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(["row", "label", "probability", *(f"p({name})" for name in answerer.names)])
        for piece in _pieces(first, texts):
            for chances in softmax(answerer.logits(piece)):
                count += 1
                best = int(chances.argmax())
                writer.writerow([count, names[best], f"{chances[best]:.6f}", *(f"{chance:.6f}" for chance in chances)])
    return count


def _pieces(first: list[str], others: Iterator[str]) -> Iterator[list[str]]:
    yield first
    while piece := list(islice(others, ROWS)):
        yield piece
