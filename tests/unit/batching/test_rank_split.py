"""Batches divided over ranks: every document once, even loads, and parts whose losses and gradients add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bertfit.batching import packing, rank_split
from bertfit.config.hyperparameters import Multitask
from bertfit.hugging_face import hf_encoder
from bertfit.stages import evaluate, finetuning, multitask, pretraining
from bertfit.tokens import instance_file, token_file
from helpers import ranks_worker, tiny

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    ranks_worker.make(folder)
    return folder


def test_the_longest_goes_to_the_rank_with_the_fewest_tokens():
    # 9 -> rank 0, 7 -> 1, 6 -> 1 (7 < 9), 4 -> 0 (9 < 13), 4 -> 0 (13 = 13, the lower), 1 -> 1
    parts = rank_split.partition_by_tokens(np.array([4, 9, 1, 7, 4, 6]), 2)
    assert [each.tolist() for each in parts] == [[0, 1, 4], [2, 3, 5]]
    assert [each.tolist() for each in rank_split.partition_by_tokens(np.array([5]), 3)] == [[0], [], []]


def test_a_part_is_the_batch_of_its_documents(inputs):
    corpus = token_file.read(inputs / "train.arrow")
    recipe = ranks_worker.RECIPE.model_copy(update={"truncation": "hier-mean", "max_length": 12})
    rows = np.array([7, 30, 2, 19, 44])
    whole = packing.collate(corpus, rows, recipe)
    assert len(whole.lengths) > len(rows), "some are in several fractions"
    mine = [rank_split.part(whole, rank, 2) for rank in (0, 1)]
    assert sorted(row for each in mine for row in each.examples) == sorted(rows)
    assert sum(each.tokens for each in mine) == whole.tokens
    for each in mine:
        alone = packing.collate(corpus, each.examples, recipe)
        for name, array in vars(alone).items():
            assert name == "share" or np.array_equal(array, getattr(each, name)), name
        assert each.share == len(each.labels) / 5
    assert rank_split.part(whole, 0, 1) is whole


def task_of(stage: str, inputs: Path):
    recipe, read = ranks_worker.RECIPE, lambda name: token_file.read(inputs / f"{name}.arrow")
    if stage == "pretrain":
        data = instance_file.read(inputs / "train.instances")
        model = hf_encoder.scratch(tiny.SHAPE, tiny.WORDS + 5, 3)
        return pretraining.PretrainingTask(ranks_worker.PRETRAIN, 3, data, None, model, CPU)
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    if stage == "multitask":
        splits = {name: (read(name), read("test")) for name in ("a", "b")}
        return multitask.MultitaskTask(Multitask(corpora=["a", "b"], seed=3), recipe, splits, encoder, CPU)
    test = evaluate.EvaluationSet(read("test"), recipe, CPU)
    return finetuning.FinetuningTask(recipe, 3, read("train"), test, encoder, CPU)


@pytest.mark.parametrize("stage", ["finetune", "pretrain", "multitask"])
@pytest.mark.parametrize("size", [2, 3, 7])
def test_losses_and_gradients_of_the_parts_add_up(inputs, stage, size):
    """Also where seven ranks share six documents: one of them counts for nothing."""
    task = task_of(stage, inputs)
    batch = task.batch(0)
    assert size < 7 or len(batch.labels if hasattr(batch, "labels") else batch.lengths) < 7
    loss, sums = task.loss(task.inputs(batch))
    loss.backward()
    whole = {name: each.grad.clone() for name, each in task.model.named_parameters()}
    task.model.zero_grad()
    losses, parts = [], torch.zeros_like(sums)
    for rank in range(size):
        of_rank, sums_of_rank = task.loss(task.inputs(rank_split.part(batch, rank, size)))
        of_rank.backward()
        losses.append(of_rank.item())
        parts += sums_of_rank
    assert sum(losses) == pytest.approx(loss.item(), rel=1e-6)
    torch.testing.assert_close(parts, sums, rtol=1e-6, atol=0)
    for name, each in task.model.named_parameters():
        torch.testing.assert_close(each.grad, whole[name], rtol=1e-4, atol=1e-6, msg=name)
    assert sums.abs().sum() > 0


def test_a_part_is_a_pretraining_batch_of_its_instances(inputs):
    data = instance_file.read(inputs / "train.instances")
    whole = packing.collate_masked(data, range(5))
    words = [rank_split.part(whole, rank, 2) for rank in (0, 1)]
    assert sum(each.masked_share for each in words) == pytest.approx(1)
    for each in words:
        assert each.masked_share == len(each.targets) / len(whole.targets)
        assert np.array_equal(each.lengths[0:1] > 0, [True]) and each.masked.max() < each.tokens
    first = words[0]
    rank0 = rank_split.partition_by_tokens(whole.lengths, 2)[0]
    starts = whole.starts[rank0]
    expected = np.concatenate([np.arange(s, s + n) for s, n in zip(starts, whole.lengths[rank0], strict=True)])
    assert np.array_equal(first.input_ids, whole.input_ids[expected])
    assert np.array_equal(expected[first.masked], whole.masked[np.isin(whole.masked, expected)])
    assert np.array_equal(first.random_next, whole.random_next[rank0])
