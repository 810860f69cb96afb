"""Scaling of cost with size: the slope of log(seconds) over log(size), 1 for linear scaling.

Tokenisation and data creation of 1, 4 and 16 times as many texts, fine-tuning steps on as many more batches. Each
round measures all sizes and gives a slope; a record holds their median. Run it with ``make bench``: a minute.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import numpy as np
import pyarrow.parquet as pq
from transformers import BertTokenizer

import finetuning
import lengths
import news
from bertfit.config.corpus_schema import TextForm
from bertfit.config.hyperparameters import Pretrain
from bertfit.tokens import create_instances, tokenize_corpus
from bertfit.training import devices

FACTORS = (1, 4, 16)
GOAL = 1.1


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log(seconds) over log(sizes), by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def seconds(work: Callable[[], Any]) -> float:
    """Duration of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def grown(name: str, pairs: int, work: Callable[[int], float]) -> measure.Record:
    """The record of ``work``, which returns the seconds that it takes at a factor."""
    work(1)  # warm-up
    rounds = list(measure.turns(pairs, *(lambda _, factor=factor: work(factor) for factor in FACTORS)))
    slopes = [slope(FACTORS, times) for times in rounds]
    medians = np.median(rounds, axis=0).round(3).tolist()
    return measure.alone(f"growth of {name}", "slope", GOAL, slopes, at_most=True) | {"seconds": medians}


def measured(folder: Path, pairs: int, texts: int, documents: int, steps: int) -> list[measure.Record]:
    """A record for each kind of work; texts, documents and steps are those of factor 1."""
    vocabulary = lengths.uncased_vocabulary(folder / "uncased")
    news.corpus(folder / "whole.parquet", vocabulary, texts * FACTORS[-1])
    whole = pq.read_table(folder / "whole.parquet")
    for factor in FACTORS:
        pq.write_table(whole[: texts * factor], folder / f"{factor}.parquet")
        news.write(folder / f"{factor}.txt", vocabulary, documents * factor)
    data = lengths.corpus("trec", finetuning.TEXTS["trec"])
    inputs = finetuning.Inputs("trec", "L4-H256", data, BertTokenizer.from_pretrained(vocabulary), folder)

    def tokenise(factor: int) -> float:
        texts = folder / f"{factor}.parquet"
        return seconds(lambda: tokenize_corpus.build(texts, vocabulary, TextForm(), folder / "tokens.arrow"))

    def create(factor: int) -> float:
        text = folder / f"{factor}.txt"
        return seconds(lambda: create_instances.build([text], vocabulary, Pretrain(), folder / "instances.arrow"))

    def train(factor: int) -> float:
        return finetuning.our_seconds(inputs, finetuning.our_batches(inputs, 1, steps * factor))

    return [
        grown("tokenisation with texts", pairs, tokenise),
        grown("instance creation with documents", pairs, create),
        grown("fine-tuning with steps", pairs, train),
    ]


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/growth.json"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5, help="rounds")
    parser.add_argument("--texts", type=int, default=4000, help="tokenised at factor 1")
    parser.add_argument("--documents", type=int, default=1500, help="instances are made of at factor 1")
    parser.add_argument("--steps", type=int, default=3, help="at factor 1")
    options = parser.parse_args()
    devices.prepare(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        records = measured(Path(temporary), options.pairs, options.texts, options.documents, options.steps)
    measure.write(options.out, records, options.threads)


if __name__ == "__main__":
    main()
