"""The points of the curves, of one and of several labels a text."""

from __future__ import annotations

import numpy as np
import pytest

from bertfit.core.errors import UserError
from bertfit.dataset_report import dataset_files, reliability
from bertfit.search.outcome_record import TemperatureScaling
from helpers.dataset_results import make_several, outcome, write_predictions

# ten answers with a probability of 0.8 each, eight of them right
LABELS = np.array([0] * 8 + [1] * 2)
LOGITS = np.tile(np.array([np.log(4), 0], np.float32), (10, 1))


def made(temperature: float):
    calibration = TemperatureScaling(temperature=temperature, note="", before=0.0, after=0.0)
    return outcome(LABELS, LOGITS, ["a", "b"], calibration=calibration)


def test_points_are_probability_and_share_that_is_right(tmp_path) -> None:
    path = write_predictions(tmp_path / "predictions.parquet", LABELS, LOGITS)
    figure = reliability.figure(made(2.0), path)
    before, after = figure.curves["before scaling"], figure.curves["after scaling"]
    assert (before[0].x, before[0].y) == (240.0, 60.0)  # 0.8 of 300, downwards
    assert (after[0].x, after[0].y) == (200.0, 60.0)  # the square root of 4 against 1: 2 / 3
    assert after[0].radius == reliability.LARGEST
    assert figure.sentence == ("Of the 10 answers with a probability of 60 to 70 %, 67 % on average, 80 % are right.")
    assert figure.ticks[0] == (0.0, "0") and figure.ticks[-1] == (300.0, "100")


def test_without_scaling_there_is_one_curve(tmp_path) -> None:
    path = write_predictions(tmp_path / "predictions.parquet", LABELS, LOGITS)
    assert list(reliability.figure(made(1.0), path).curves) == ["as trained"]


def test_of_several_labels_each_probability_counts(tmp_path) -> None:
    _, files = make_several(tmp_path)
    found = dataset_files.read(files).outcome
    assert reliability.measured(files.predictions[0], found, 1.0).n.sum() == 300 * 5
    with pytest.raises(UserError, match="no sets of labels"):
        write_predictions(files.predictions[0], np.zeros(3, int), np.zeros((3, 5), np.float32))
        reliability.measured(files.predictions[0], found, 1.0)


def test_other_classes_are_an_error(tmp_path) -> None:
    path = write_predictions(tmp_path / "predictions.parquet", LABELS, np.zeros((10, 3), np.float32))
    with pytest.raises(UserError, match="not of 2 classes"):
        reliability.figure(made(1.0), path)
