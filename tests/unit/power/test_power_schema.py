"""Probabilities of the verdicts add up to 1."""

import pytest

from bertfit.power.power_schema import Chances


def test_what_is_neither_is_open() -> None:
    assert Chances(holds=0.6, refuted=0.1).open == pytest.approx(0.3)
