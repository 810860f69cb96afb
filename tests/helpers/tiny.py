"""Small inputs of the training stages: a vocabulary of made-up words, a corpus of them, instances, an encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.config.corpus_schema import TextForm
from bertfit.config.encoder_schema import Shape, Vocabulary
from bertfit.config.hyperparameters import Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages.classification import InputFiles
from bertfit.stages.seed_block import SeedBlock
from bertfit.tokens import build_vocabulary, create_instances, special_tokens, tokenize_corpus

WORDS = 80
SHAPE = Shape(layers=2, hidden=16, heads=2, intermediate=32, positions=40, initializer_range=0.2)


def vocabulary(folder: Path) -> Path:
    """A vocabulary of whole words w0, w1, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [*special_tokens.SPECIAL.values(), *(f"w{number}" for number in range(WORDS))]
    (folder / "vocab.txt").write_text("".join(f"{entry}\n" for entry in entries))
    built = folder / "built"
    build_vocabulary.build(Vocabulary(encoder="none"), encoder_folder=folder, texts=[], folder=built)
    return built


def texts(size: int, seed: int) -> tuple[list[str], list[int]]:
    """Texts of 0 to 60 words, and labels that the first words follow."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, size)
    lines = []
    for label in labels:
        words = draw.integers(0, WORDS, draw.integers(0, 60))
        words[:6] = words[:6] % 20 + 20 * label
        lines.append(" ".join(f"w{word}" for word in words))
    return lines, labels.tolist()


def tokens_file(path: Path, words: Path, size: int, seed: int) -> Path:
    """A tokenised corpus of three classes."""
    lines, labels = texts(size, seed)
    table = pa.table({"text": lines, "label": pa.array(labels, pa.int32())})
    parquet = path.with_suffix(".parquet")
    pq.write_table(table.replace_schema_metadata({"label_names": json.dumps(["a", "b", "c"])}), parquet)
    tokenize_corpus.build(parquet, words, TextForm(), path)
    return path


def instances_file(path: Path, words: Path, pretrain: Pretrain, size: int, seed: int) -> Path:
    """Pre-training instances of made-up documents of four lines."""
    lines, _ = texts(4 * size, seed)
    documents = ["\n".join(line or "w1" for line in lines[4 * number : 4 * number + 4]) for number in range(size)]
    text = path.with_suffix(".txt")
    text.write_text("\n\n".join(documents) + "\n\n")
    create_instances.build([text], words, pretrain, path)
    return path


def encoder(folder: Path, words: Path, seed: int = 1) -> Path:
    """An encoder folder of `SHAPE` with random weights."""
    model = hf_encoder.scratch(SHAPE, WORDS + len(special_tokens.SPECIAL), seed)
    hf_encoder.save(model, words, folder, {})
    return folder


def block_inputs(folder: Path, train: int = 60, test: int = 40) -> Path:
    """What a block of seeds reads: vocabulary, two tokenised corpora of so many texts, and an encoder."""
    words = vocabulary(folder / "words")
    tokens_file(folder / "train.arrow", words, train, 1)
    tokens_file(folder / "test.arrow", words, test, 2)
    encoder(folder / "encoder", words)
    return folder


def training_inputs(folder: Path, pretrain: Pretrain) -> Path:
    """`block_inputs`, and 30 instances for ``pretrain``."""
    block_inputs(folder)
    instances_file(folder / "train.instances", folder / "words" / "built", pretrain, size=30, seed=1)
    return folder


def input_files(folder: Path) -> InputFiles:
    """What a block of seeds reads, by the names that tests give them."""
    return InputFiles(train=folder / "train.arrow", test=folder / "test.arrow", encoder=folder / "encoder")


def block(out: Path, seeds: Sequence[int], **changes: Any) -> SeedBlock:
    """A block of seeds that writes into ``out``; ``changes`` are other values of its fields."""
    usual = SeedBlock(
        seeds=seeds,
        state=out / ".state",
        predictions=out / "predictions.parquet",
        history=out / "history.csv",
        record=out / "run.json",
        job=JobIdentity("c0de", {"seeds": list(seeds)}),
        threads=1,
    )
    return replace(usual, **changes)


def assert_same_as_alone(block: Path, singly: list[Path]) -> None:
    """A block of seeds and its seeds one by one: the same rows, the same bits."""
    for name, read in (("history.csv", pd.read_csv), ("predictions.parquet", pd.read_parquet)):
        apart = pd.concat([read(out / name) for out in singly], ignore_index=True)
        together = read(block / name)
        if "logits" in together:
            ours, theirs = (np.stack(rows["logits"].to_list()) for rows in (together, apart))
            assert np.array_equal(ours, theirs)
            together, apart = together.drop(columns="logits"), apart.drop(columns="logits")
        pd.testing.assert_frame_equal(together, apart, check_exact=True)
