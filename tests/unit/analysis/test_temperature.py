"""Temperature scaling: what is found where the truth is known, and when nothing is fitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from bertfit.analysis import temperature
from bertfit.analysis.temperature import Agreement


def drawn(texts: int, seed: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated logits, and classes drawn from their probabilities."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2, (texts, classes))
    return logits, np.array([draw.choice(classes, p=row) for row in softmax(logits, axis=1)])


@pytest.mark.parametrize("true", [0.3, 1.0, 3.0])
def test_the_temperature_of_logits_is_found(true: float) -> None:
    logits, labels = drawn(4000, 1)
    found = temperature.fit((true * logits).astype(np.float32), labels)
    assert found.value == pytest.approx(true, rel=0.06) and (found.texts, found.reason) == (4000, "")


@pytest.mark.parametrize("true", [0.3, 3.0])
def test_of_several_labels_a_text(true: float) -> None:
    draw = np.random.default_rng(2)
    logits = draw.normal(-1, 2, (2000, 5))
    labels = draw.random(logits.shape) < expit(logits)
    assert temperature.fit(true * logits, labels).value == pytest.approx(true, rel=0.06)


def test_other_texts_are_better_calibrated() -> None:
    logits, labels = drawn(3000, 3)
    sure = 3 * logits
    value = temperature.fit(sure[:1500], labels[:1500]).value
    before = temperature.measure(sure[1500:], labels[1500:])
    after = temperature.measure(sure[1500:], labels[1500:], value)
    assert before.ece > 0.1 and after.ece < 0.03 and after.nll < before.nll - 0.3


def test_measures_by_hand() -> None:
    """Two classes, logits 0 and log 3: probability 3/4 of class 1."""
    logits = np.log([[1.0, 3.0], [1.0, 3.0]])
    expected = -(np.log(0.75) + np.log(0.25)) / 2
    assert temperature.measure(logits, np.array([1, 0])) == Agreement(pytest.approx(expected), pytest.approx(0.25))
    halved = temperature.measure(logits, np.array([1, 1]), temperature=0.5)
    assert halved == Agreement(pytest.approx(-np.log(0.9)), pytest.approx(0.1))
    both = temperature.measure(np.log([[3.0, 1 / 3]]), np.array([[True, False]]))
    assert both == Agreement(pytest.approx(-np.log(0.75)), pytest.approx(0.25))


@pytest.mark.parametrize(
    ("texts", "change", "reason"),
    [
        (29, lambda said: said, "29 validation texts, and at least 30 are needed"),
        (40, lambda said: said, "all validation texts are classified correctly"),
        (40, np.zeros_like, "all validation texts are of one class"),
    ],
    ids=["few", "all right", "one class"],
)
def test_no_fit_has_a_reason(texts: int, change: object, reason: str) -> None:
    logits, _ = drawn(texts, 4)
    labels = change(logits.argmax(axis=1))  # type: ignore[operator]
    assert temperature.fit(logits, labels) == temperature.Temperature(1.0, texts, reason)


def test_no_fit_of_several_labels() -> None:
    logits, _ = drawn(40, 5)
    assert temperature.fit(logits, logits > 0).reason == "all validation texts are classified correctly"
    assert temperature.fit(logits, np.ones_like(logits, bool)).reason == "all validation texts have the same labels"


def test_the_range_has_ends_that_are_named() -> None:
    """999 of 1,000 are right: a logit of 6.9, and the differences of the logits are 0.02."""
    labels = np.arange(1000) % 2
    logits = 0.02 * np.eye(2)[labels]
    logits[0] = logits[0, ::-1]
    found = temperature.fit(logits, labels)
    assert found.value == pytest.approx(0.05, rel=0.01) and found.reason == "at the end of the range 0.05 to 20"


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.zeros((40, 3)), np.zeros((40, 2), bool)),
        (np.zeros(40), np.zeros(40, int)),
        (np.full((40, 2), np.nan), np.arange(40) % 2),
    ],
)
def test_what_does_not_fit_is_refused(logits: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not finite, or do not fit"):
        temperature.fit(logits, labels)
