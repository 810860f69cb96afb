"""Sentences and coordinates of a learning curve."""

from __future__ import annotations

import pytest

from bertfit.analysis.learning_curve import LearningCurve
from bertfit.core.errors import UserError
from bertfit.dataset_report import more_labels
from helpers.dataset_results import learning_curve, write


def made(**given) -> LearningCurve:
    return LearningCurve.model_validate(learning_curve(**given))


def test_sentences_say_what_more_labels_do() -> None:
    assert more_labels.sentences(made()) == [
        "With 1,280 training texts the error on validation texts is 10.9 %. With twice as many, 2,560, expect 8.7 % "
        "(7.9 to 9.6 %); with eight times as many, 6.0 % (4.2 to 7.9 %).",
        "More labels are likely to help.",
    ]


def test_a_fall_that_may_be_none_is_said() -> None:
    predictions = learning_curve()["predictions"]
    predictions[0]["fall_low"] = 0.0
    found = more_labels.sentences(made(predictions=predictions, note="the errors do not follow a falling curve"))
    assert found[1].startswith("It is not certain") and found[2] == "The errors do not follow a falling curve."


def test_without_a_fit_there_are_only_the_measured_points() -> None:
    curve = made(fit=None, predictions=[], note="no prediction: measured at 2 sizes")
    assert more_labels.sentences(curve) == ["No prediction: measured at 2 sizes."]
    drawn = more_labels.figure(curve)
    assert (drawn.inside, drawn.beyond, len(drawn.points)) == ("", "", 3)
    assert not any(point.predicted for point in drawn.points)


def test_points_are_on_a_logarithmic_axis_of_sizes() -> None:
    drawn = more_labels.figure(made())
    steps = [round(after.x - before.x) for before, after in zip(drawn.points, drawn.points[1:], strict=False)]
    assert len(set(steps)) == 1  # each size is twice the one before
    assert drawn.y_ticks[0] == (200.0, "0") and drawn.y_ticks[-1] == (0.0, "20")
    first = drawn.points[0]
    assert (first.y, first.low, first.high, first.label) == (44.0, 74.0, 4.0, "320")  # 15.6, 12.6, 19.6 of 20
    assert drawn.points[-1].label == "10.2k"
    assert [point.predicted for point in drawn.points] == [False] * 3 + [True] * 3
    assert drawn.inside.startswith(f"M{first.x} ") and drawn.beyond.startswith(f"M{drawn.points[2].x} ")


def test_a_damaged_file_is_a_clear_error(tmp_path) -> None:
    with pytest.raises(UserError, match="not a learning curve"):
        more_labels.read(write(tmp_path / "curve.json", {"points": []}))
