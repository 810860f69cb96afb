from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune
from bertfit.stages.evaluate import EvaluationSet, tally
from bertfit.tokens import token_file
from helpers import tiny

RECIPE, CPU = Finetune(max_length=24, head_tokens=6), torch.device("cpu")


class FirstToken(nn.Module):
    """Logits: number of tokens, and the first word piece of each document."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(1, 2)

    def forward(self, batch: packing.Batch) -> torch.Tensor:
        assert not self.training
        firsts = batch.input_ids[batch.starts + 1]
        found = torch.zeros(len(batch.lengths), 2)
        found[batch.documents, 0] = torch.from_numpy(batch.lengths).float()
        found[batch.documents, 1] = torch.from_numpy(firsts.astype(np.float32))
        return found


def answer(model: FirstToken, batch: packing.Batch) -> torch.Tensor:
    return model(batch)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    return token_file.read(tiny.tokens_file(folder / "test.arrow", tiny.vocabulary(folder / "words"), 30, 2))


@pytest.mark.parametrize("rows", [None, np.array([4, 2, 19])])
def test_logits_are_in_the_order_of_the_rows(corpus, monkeypatch, rows):
    monkeypatch.setitem(packing.BATCH_TOKENS, "cpu", 50)  # several batches, sorted by length
    evaluated = EvaluationSet(corpus, RECIPE, CPU, rows, answer)
    model, checks = FirstToken().train(), []
    logits = evaluated.logits(model, lambda: checks.append(1))
    which = np.arange(len(corpus)) if rows is None else rows
    assert logits[:, 0].tolist() == packing.lengths(corpus, RECIPE)[which].tolist()
    firsts = [int(corpus.ids(row)[0]) if len(corpus.ids(row)) else corpus.sep for row in which]
    assert logits[:, 1].tolist() == firsts
    assert model.training and len(checks) >= (5 if rows is None else 1)
    assert evaluated.labels.tolist() == np.asarray(corpus.labels)[which].tolist()


def test_error_is_in_percent(corpus):
    evaluated = EvaluationSet(corpus, RECIPE, CPU, np.array([0, 1, 2, 3]))
    logits = torch.nn.functional.one_hot(torch.from_numpy(evaluated.labels).long(), 3).float()
    assert evaluated.error(logits) == 0
    assert evaluated.error(-logits) == 100


def test_a_batch_is_tallied_and_an_uncounted_part_is_zero():
    logits, labels = torch.tensor([[1.0, 0], [0, 1], [2, 1]]), torch.tensor([0, 0, 0])
    loss = torch.tensor(0.5, requires_grad=True)
    sums = tally(loss, logits, labels)
    assert sums.tolist() == [1.5, 1, 3] and not sums.requires_grad
    padded = torch.cat([logits, torch.ones(2, 2)]), torch.tensor([0, 0, 0, -100, -100])
    assert tally(loss, *padded).tolist() == [1.5, 1, 3]
    assert tally(loss, logits, labels, share=0.0).tolist() == [0, 0, 0]
