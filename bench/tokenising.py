"""Speed of tokenisation, from a Parquet file to ids on disk, against `datasets.map` with a fast tokenizer.

Both sides load their tokenizer, read the same texts and write the ids of each without special tokens; they take turns
in one process with the same threads, and the ids are compared. Run it with ``make bench``: half a minute.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import datasets
from transformers import BertTokenizer

import lengths
import news
from bertfit.config.corpus_schema import TextForm
from bertfit.tokens import token_file, tokenize_corpus


def ours(texts: Path, vocabulary: Path, out: Path) -> Any:
    """Our token file, opened."""
    tokenize_corpus.build(texts, vocabulary, TextForm(), out)
    return token_file.read(out)


def theirs(texts: Path, vocabulary: Path, cache: Path) -> Any:
    """The mapped data set, in an empty cache folder."""
    shutil.rmtree(cache, ignore_errors=True)
    tokenizer = BertTokenizer.from_pretrained(vocabulary)
    data = datasets.Dataset.from_parquet(str(texts), cache_dir=str(cache))

    def encode(rows: Any) -> Any:
        ids = tokenizer(
            rows["text"], add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False
        )
        return {"input_ids": ids["input_ids"]}

    return data.map(encode, batched=True, remove_columns=["text"])


def compared(folder: Path, count: int, pairs: int) -> measure.Record:
    """Texts per second of both."""
    texts, vocabulary = folder / "texts.parquet", lengths.uncased_vocabulary(folder / "uncased")
    news.corpus(texts, vocabulary, count)
    outputs: dict[str, Any] = {}

    def our_speed(_: int) -> float:
        began = time.perf_counter()
        outputs["ours"] = ours(texts, vocabulary, folder / "ours.arrow")
        return count / (time.perf_counter() - began)

    def their_speed(_: int) -> float:
        began = time.perf_counter()
        outputs["theirs"] = theirs(texts, vocabulary, folder / "cache")
        return count / (time.perf_counter() - began)

    speeds = list(measure.turns(pairs, our_speed, their_speed))
    for row, ids in enumerate(outputs["theirs"]["input_ids"]):
        assert outputs["ours"].ids(row).tolist() == ids, row
    return measure.compare("tokenisation, ag lengths, against datasets.map", "texts/s", 1.0, speeds)


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/tokenising.json"))
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of both sides")
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--texts", type=int, default=12_000)
    options = parser.parse_args()
    os.environ |= {"RAYON_NUM_THREADS": str(options.threads), "TOKENIZERS_PARALLELISM": "true"}
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as temporary:
        record = compared(Path(temporary), options.texts, options.pairs)
    measure.write(options.out, [record], options.threads)


if __name__ == "__main__":
    main()
