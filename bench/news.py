"""Synthetic texts with the lengths of AG's News: a title and one to three sentences, with Zipf-like frequencies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def documents(vocabulary: Path, count: int, seed: int = 1) -> Iterator[list[str]]:
    """Lines of each text, in words of a vocabulary folder.

    The instances of the real corpus have 61.8 tokens in the mean, and 1.2 % of them all 128.
    """
    draw = np.random.default_rng(seed)
    entries = (vocabulary / "vocab.txt").read_text(encoding="utf-8").split("\n")
    words = [entry for entry in entries if entry.isascii() and entry.isalpha() and len(entry) > 1]
    endings = [entry[2:] for entry in entries if entry.startswith("##") and entry[2:].isascii() and entry[2:].isalpha()]
    weights = 1 / (np.arange(len(words)) + 10.0)
    levels = np.cumsum(weights) / weights.sum()

    def line(length: int) -> str:
        chosen = np.searchsorted(levels, draw.random(length), side="right")
        inflected = draw.random(length) < 0.1
        return " ".join(
            words[i] + (endings[draw.integers(len(endings))] if suffixed else "")
            for i, suffixed in zip(chosen, inflected, strict=True)
        )

    for _ in range(count):
        sentences = [line(int(draw.integers(6, 11)))]
        sentences += [line(int(length)) for length in 4 + draw.gamma(8.0, 2.6, 1 + min(2, draw.poisson(0.56)))]
        yield [f"{sentence} ." for sentence in sentences]


def write(path: Path, vocabulary: Path, count: int) -> None:
    """Texts in the official format of pre-training: a line a sentence, an empty line after each document."""
    with open(path, "w", encoding="utf-8") as sink:
        sink.writelines("\n".join(lines) + "\n\n" for lines in documents(vocabulary, count))


def corpus(path: Path, vocabulary: Path, count: int) -> None:
    """Texts as a normalised corpus file, see ARCHITECTURE.md; all have label 0."""
    texts = [" ".join(lines) for lines in documents(vocabulary, count)]
    table = pa.table({"text": texts, "label": pa.array([0] * count, pa.int32())})
    pq.write_table(table.replace_schema_metadata({"label_names": '["news"]'}), path)
