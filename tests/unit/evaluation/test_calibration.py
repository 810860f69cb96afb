"""Calibration by hand: bins of the predicted probability and the expected calibration error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertfit.evaluation import calibration
from helpers import madeup


def test_curve_by_hand() -> None:
    """0.6 and 0.9 belong to the bins that they end; |0.5 - 0.575| x 2/4 + |1 - 0.9| x 1/4 + |0 - 1| x 1/4."""
    found = calibration.curve(np.array([0.55, 0.6, 0.9, 1.0]), np.array([True, False, True, False]))
    assert found.low.tolist() == [0.5, 0.8, 0.9] and found.n.tolist() == [2, 1, 1]
    assert found.confidence.tolist() == pytest.approx([0.575, 0.9, 1.0])
    assert found.accuracy.tolist() == [0.5, 1.0, 0.0]
    assert found.ece == pytest.approx(0.0375 + 0.025 + 0.25)


def test_the_last_evaluations_of_the_seeds_that_are_asked_for(tmp_path: Path) -> None:
    """Logits 2 and 0 give every answer 1 / (1 + e**-2); seed 1 errs on 1 of 4, seed 2 on 3 of 4."""
    wrong = {1: np.array([0, 0, 0, 1], bool), 2: np.array([1, 1, 1, 0], bool)}
    madeup.run(tmp_path, [0, 1, 0, 1], wrong, logit=2.0)
    sure = 1 / (1 + np.exp(-2))
    both = calibration.measured([tmp_path / "predictions.parquet"])
    assert (both.low.tolist(), both.n.tolist(), both.accuracy.tolist()) == ([0.8], [8], [0.5])
    assert both.confidence.tolist() == pytest.approx([sure]) and both.ece == pytest.approx(sure - 0.5)
    one = calibration.measured([tmp_path / "predictions.parquet"], seeds=[1])
    assert (one.n.tolist(), one.accuracy.tolist()) == ([4], [0.75])


def test_sure_answers_and_impossible_ones_are_in_the_outer_bins() -> None:
    found = calibration.curve(np.array([0.0, 1.0]), np.array([False, True]))
    assert (found.low.tolist(), found.n.tolist(), found.ece) == ([0, 0.9], [1, 1], 0)
