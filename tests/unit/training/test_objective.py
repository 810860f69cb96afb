"""Losses against torch, scikit-learn and written-out formulas; documents of padding; parts of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from bertfit.batching.model_inputs import IGNORED
from bertfit.config.hyperparameters import Finetune
from bertfit.training.objective import LARGEST, Objective, balanced_positives, balanced_weights

LOGITS = torch.tensor([[2.0, -1, 0.5], [0.1, 0.2, -3], [-1, 4, 0], [0, 0, 0]])
LABELS = torch.tensor([0, 2, 1, 2])
TRAINING = np.array([0] * 5 + [1] * 2 + [2] * 3)
SETS = [[], [0, 2], [1]]


def objective(changes: dict, sets: list[list[int]] | None = None) -> Objective:
    return Objective.of(Finetune(**changes), TRAINING, 3, sets)


def test_without_keys_it_is_cross_entropy_bit_for_bit() -> None:
    assert torch.equal(objective({}).loss(LOGITS, LABELS), functional.cross_entropy(LOGITS, LABELS))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=TRAINING)
    np.testing.assert_allclose(balanced_weights(np.bincount(TRAINING)), expected)
    np.testing.assert_allclose(balanced_weights([4, 0, 1]), [0.625, 0, 2.5])  # of two classes
    weighted = functional.cross_entropy(LOGITS, LABELS, torch.tensor(expected, dtype=torch.float32), reduction="sum")
    torch.testing.assert_close(objective({"class_weights": "balanced"}).loss(LOGITS, LABELS), weighted / 4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_by_its_formula(gamma: float) -> None:
    chances = LOGITS.double().softmax(1)[range(4), LABELS]
    expected = (-((1 - chances) ** gamma) * chances.log()).mean()
    torch.testing.assert_close(objective({"focal": gamma}).loss(LOGITS, LABELS), expected.float())


@pytest.mark.parametrize("sets", [None, SETS])
def test_certain_answers_have_finite_gradients(sets) -> None:
    logits = torch.full((2, 3), -200.0).index_fill(1, torch.tensor([0]), 200.0).requires_grad_()
    objective({"focal": 0.5}, sets).loss(logits, torch.tensor([0, 0])).backward()
    assert torch.isfinite(logits.grad).all()


def test_several_labels_are_as_many_binary_answers() -> None:
    targets = torch.tensor([[0.0, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 0]])
    expected = functional.binary_cross_entropy_with_logits(LOGITS, targets)
    torch.testing.assert_close(objective({}, SETS).loss(LOGITS, LABELS), expected)
    positives = torch.tensor([8 / 2, 7 / 3, 8 / 2])  # ten texts; {0, 2} twice, {1} three times
    weighted = functional.binary_cross_entropy_with_logits(LOGITS, targets, pos_weight=positives)
    torch.testing.assert_close(objective({"class_weights": "balanced"}, SETS).loss(LOGITS, LABELS), weighted)
    chances = torch.where(targets > 0, LOGITS.sigmoid(), 1 - LOGITS.sigmoid())
    focused = (-((1 - chances) ** 2) * chances.log()).mean()
    torch.testing.assert_close(objective({"focal": 2.0}, SETS).loss(LOGITS, LABELS), focused)


def test_weights_of_rare_labels_are_bounded() -> None:
    assert balanced_positives([1, 500, 999, 0], 1000).tolist() == [LARGEST, 1, 1 / LARGEST, LARGEST]


@pytest.mark.parametrize("sets", [None, SETS])
@pytest.mark.parametrize("changes", [{}, {"class_weights": "balanced"}, {"focal": 2.0, "class_weights": "balanced"}])
def test_padding_does_not_count_and_parts_add_up(changes, sets) -> None:
    made = objective(changes, sets)
    whole = made.loss(LOGITS, LABELS)
    padded = torch.cat([LOGITS, torch.full((2, 3), 7.0)]), torch.cat([LABELS, torch.tensor([IGNORED] * 2)])
    torch.testing.assert_close(made.loss(*padded), whole)
    parts = made.loss(LOGITS[:1], LABELS[:1]) * 0.25 + made.loss(LOGITS[1:], LABELS[1:]) * 0.75
    torch.testing.assert_close(parts, whole)
