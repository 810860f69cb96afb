from __future__ import annotations

import numpy as np
import pytest
import torch

from bertfit.stages import prediction_writer
from bertfit.stages.prediction_writer import EvaluationLogits, SeedPredictions

LABELS = np.array([1, 0], np.int32)


def test_error_rate_by_hand():
    logits = torch.tensor([[1.0, 0], [0, 1], [2, 1], [0, 3]])
    assert prediction_writer.error_percent(logits, np.array([0, 0, 1, 1])) == 50


def test_last_and_best_evaluation_are_rows_once():
    two, four = (EvaluationLogits(step, step / 2, torch.full((2, 2), float(step))) for step in (2, 4))
    table = prediction_writer.table([SeedPredictions(7, last=four, best=two), SeedPredictions(8, four, four)], LABELS)
    assert table["seed"].to_pylist() == [7, 7, 7, 7, 8, 8]
    assert table["step"].to_pylist() == [2, 2, 4, 4, 4, 4]
    assert table["epoch"].to_pylist() == [1, 1, 2, 2, 2, 2]
    assert table["example"].to_pylist() == [0, 1] * 3 and table["label"].to_pylist() == [1, 0] * 3
    assert table["logits"].to_pylist()[1:3] == [[2, 2], [4, 4]]
    assert [str(field.type) for field in table.schema] == [
        "int32", "int32", "double", "int32", "int32", "list<item: float>"
    ]  # fmt: skip


@pytest.mark.parametrize("classes", [2, 5])
def test_logits_keep_their_order(classes):
    logits = torch.arange(2.0 * classes).reshape(2, classes)
    evaluation = EvaluationLogits(1, 1.0, logits)
    table = prediction_writer.table([SeedPredictions(1, evaluation, evaluation)], LABELS)
    assert table["logits"].to_pylist() == logits.tolist()
