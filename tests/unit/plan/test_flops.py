"""Operations of reading and training a BERT, and the lengths that they are counted over."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune
from bertfit.model import hf_encoder, packed_bert
from bertfit.plan import flops, job_cost, text_lengths
from bertfit.plan.flops import Load, Size
from bertfit.tokens import token_file, truncation
from helpers import tiny

SMALL = Size(tiny.SHAPE.layers, tiny.SHAPE.hidden, tiny.SHAPE.intermediate, 85, tiny.SHAPE.positions)

# ---------------------------------------------------------------------------------------------- operations, parameters


def test_parameters_are_those_of_bert() -> None:
    assert Size(12, 768, 3072, 30522).parameters == 110_106_428  # of BertForPreTraining; transformers says so, too
    assert Size(24, 1024, 4096, 30522).parameters == 336_226_108
    model = hf_encoder.scratch(tiny.SHAPE, 85, seed=1)
    assert SMALL.parameters == sum(each.numel() for each in model.parameters())
    assert (SMALL.bytes, SMALL.state_bytes) == (4 * SMALL.parameters, 12 * SMALL.parameters)


def load(sizes: Any) -> Load:
    sizes = np.asarray(sizes, dtype=float)
    return Load(len(sizes), float(sizes.sum()), float((sizes**2).sum()))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> token_file.Tokens:
    folder = tmp_path_factory.mktemp("plan")
    return token_file.read(tiny.tokens_file(folder / "train.arrow", tiny.vocabulary(folder / "words"), 40, 1))


@pytest.mark.parametrize("layers", ["last", "0"])
def test_operations_of_reading_are_those_that_torch_counts(corpus: token_file.Tokens, layers: str) -> None:
    recipe = Finetune(max_length=24, truncation="head", layers=layers)
    model = packed_bert.Classifier(hf_encoder.scratch(tiny.SHAPE, 85, seed=1).bert, 3, recipe, 1).eval()
    long = [row for row in range(40) if len(corpus.ids(row)) >= 22][:5]  # of equal length: no padding in attention
    batch = packing.collate(corpus, long, recipe)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # which is counted
        model(batch)
    head = 2 * 5 * 16 * 3
    assert counter.get_total_flops() == flops.read(SMALL, load(batch.lengths), job_cost.depth(recipe, SMALL)) + head


def test_operations_of_pretraining_by_hand() -> None:
    size = Size(2, 4, 8, 10)
    # tokens 6 and 2: 8 tokens, 40 squares; 3 masked words
    whole = 8 * (8 * 16 + 4 * 32) + 16 * 40
    highest = 8 * 6 * 16 + 16 * 40 + 5 * (2 * 16 + 4 * 32)
    heads = 3 * (2 * 16 + 2 * 4 * 10) + 2 * 2 * 16
    assert flops.pretrain(size, load([6, 2]), 3) == 3 * (whole + highest + heads)


def test_training_costs_three_forward_passes_and_frozen_layers_one() -> None:
    size, one = Size(4, 8, 16, 10), load([7, 3])
    assert flops.finetune(size, one, 4) == 3 * flops.read(size, one, 4)
    assert flops.finetune(size, one, 4, frozen=2) == 3 * flops.read(size, one, 4) - 2 * flops.layers(size, one, 2)


# ---------------------------------------------------------------------------------------------- lengths


@pytest.mark.parametrize("how", ["head", "tail", "head+tail", "hier-mean"])
@pytest.mark.parametrize("paired", [False, True])
def test_lengths_are_those_of_the_truncated_texts(how: str, paired: bool) -> None:
    recipe = Finetune.model_validate({"truncation": how, "max_length": 12, "head_tokens": 3, "fractions": 3})
    draw = np.random.default_rng(1)
    first, second = draw.integers(0, 50, 60), draw.integers(0, 20, 60)
    ours = text_lengths.Lengths(first.astype(float), second.astype(float) if paired else None, 60, True).load(recipe)
    pieces = [
        len(segment.ids)
        for a, b in zip(first, second, strict=True)
        for segment in truncation.truncate(np.zeros(a, int), np.zeros(b, int) if paired else None, recipe, 1, 2)
    ]
    assert ours == load(pieces)


def test_counted_lengths_are_those_of_the_file(tmp_path: Path) -> None:
    path = tiny.tokens_file(tmp_path / "train.arrow", tiny.vocabulary(tmp_path / "words"), 30, 2)
    found, read = text_lengths.counted(path), token_file.read(path)
    assert found is not None and found.second is None and found.documents == 30
    assert found.first.tolist() == [len(read.ids(row)) for row in range(30)]
    assert text_lengths.counted(tmp_path / "none.arrow") is None


def test_assumed_lengths_have_the_average_and_stand_for_all_documents() -> None:
    found = text_lengths.assumed(292, 25_000)
    assert found.first.mean() == pytest.approx(292, rel=0.005)
    assert (found.first > 512).mean() == pytest.approx(math.exp(-512 / 292), abs=0.002)
    cut = found.load(Finetune())
    assert cut.sequences == 25_000
    assert cut.tokens / 25_000 == pytest.approx(292 * (1 - math.exp(-510 / 292)) + 2, rel=0.005)
    assert found.pieces == pytest.approx(292 * 25_000, rel=0.005)
