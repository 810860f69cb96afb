"""Operations of reading and training a BERT, and its parameters."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head
from bertfit.plan import flops, job_cost
from bertfit.plan.flops import Size
from bertfit.tokens import token_file
from helpers import tiny
from helpers.planned import load

SMALL = Size(tiny.SHAPE.layers, tiny.SHAPE.hidden, tiny.SHAPE.intermediate, 85, tiny.SHAPE.positions)


def test_parameters_are_those_of_bert() -> None:
    assert Size(12, 768, 3072, 30522).parameters == 110_106_428  # of BertForPreTraining; transformers says so, too
    assert Size(24, 1024, 4096, 30522).parameters == 336_226_108
    model = hf_encoder.scratch(tiny.SHAPE, 85, seed=1)
    assert SMALL.parameters == sum(each.numel() for each in model.parameters())
    assert (SMALL.bytes, SMALL.state_bytes) == (4 * SMALL.parameters, 12 * SMALL.parameters)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> token_file.Tokens:
    folder = tmp_path_factory.mktemp("plan")
    return token_file.read(tiny.tokens_file(folder / "train.arrow", tiny.vocabulary(folder / "words"), 40, 1))


@pytest.mark.parametrize("layers", ["last", "0"])
def test_operations_of_reading_are_those_that_torch_counts(corpus: token_file.Tokens, layers: str) -> None:
    recipe = Finetune(max_length=24, truncation="head", layers=layers)
    model = classifier_head.Classifier(hf_encoder.scratch(tiny.SHAPE, 85, seed=1).bert, 3, recipe, 1).eval()
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
