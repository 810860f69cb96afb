"""BERT-Feat with cached states of the frozen encoder against computing them for each batch.

Whole runs of `bert_feat.run`, including the making of the cache, take turns in one process; the encoder has the shape
of the compact study's (6 layers of 384), documents have some 30 tokens. The gain grows with the epochs and seeds: each
pass after the first costs the biLSTM alone. Run it with ``make bench``: under a minute on one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd

import measure
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_encoder
from bertfit.stages import bert_feat, feature_cache
from bertfit.tokens import token_file
from bertfit.training import devices
from helpers import tiny

SHAPE = Shape(layers=6, hidden=384, heads=12, intermediate=1536, positions=64)
RECIPE = Finetune(classifier="bilstm", max_length=64, head_tokens=16, lr=1e-3, batch_size=16, bias_correction=True)
SEEDS = [1, 2]


def inputs(folder: Path, documents: int) -> Path:
    """Write a synthetic corpus and a randomly initialised encoder."""
    words = tiny.vocabulary(folder / "words")
    tiny.tokens_file(folder / "train.arrow", words, documents, 1)
    tiny.tokens_file(folder / "test.arrow", words, documents // 2, 2)
    hf_encoder.save(
        hf_encoder.scratch(SHAPE, token_file.read(folder / "train.arrow").vocabulary_size, 1),
        words,
        folder / "encoder",
        {},
    )
    return folder


def seconds(folder: Path, recipe: Finetune, cache_mb: int, threads: int) -> float:
    """Duration of a whole job."""
    began = time.perf_counter()
    bert_feat.run(
        recipe=recipe,
        files=tiny.input_files(folder),
        block=tiny.block(folder / f"cache{cache_mb}", SEEDS, threads=threads),
        cache_mb=cache_mb,
    )
    return time.perf_counter() - began


def compared(folder: Path, pairs: int, epochs: int, threads: int) -> measure.Record:
    """Tokens through the biLSTM, in training and evaluation, per second of a job."""
    recipe = RECIPE.model_copy(update={"epochs": epochs})
    sizes = (
        feature_cache.lengths(token_file.read(folder / f"{name}.arrow"), recipe).sum() for name in ("train", "test")
    )
    passed = int(sum(sizes)) * epochs * len(SEEDS)
    for cache_mb in (1000, 0):  # warm-up
        seconds(folder, recipe.model_copy(update={"epochs": 0.1}), cache_mb, threads)
    speeds = []
    for cached, computed in measure.turns(
        pairs, lambda _: seconds(folder, recipe, 1000, threads), lambda _: seconds(folder, recipe, 0, threads)
    ):
        speeds.append((passed / cached, passed / computed))
        print(f"  pair {len(speeds)}: {speeds[-1][0]:,.0f} and {speeds[-1][1]:,.0f} tokens/s", flush=True)
    losses = [pd.read_csv(folder / f"{cache_mb}.csv")["loss"] for cache_mb in (1000, 0)]
    assert (losses[0] - losses[1]).abs().max() < 1e-3, losses  # the same work
    name = f"BERT-Feat, L6-H384, {len(SEEDS)} seeds of {epochs} epochs: states cached"
    return measure.compare(name, "tokens/s", None, speeds)


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/features.json"))
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of both sides")
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--epochs", type=int, default=4, help="of a job")
    parser.add_argument("--documents", type=int, default=24, help="of the training set")
    options = parser.parse_args()
    devices.prepare(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = inputs(Path(temporary), options.documents)
        record = compared(folder, options.pairs, options.epochs, options.threads)
    measure.write(options.out, [record], options.threads)


if __name__ == "__main__":
    main()
