"""Power laws of errors: found where they are exact, and with a band that holds the truth as often as it says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bertfit.analysis import power_law
from bertfit.analysis.power_law import ErrorsBySize

SIZES = np.array([500.0, 1000.0, 2000.0, 4000.0])


def measured(errors: np.ndarray, texts: int = 1000, **more: float) -> ErrorsBySize:
    return ErrorsBySize(SIZES[-len(errors) :], np.asarray(errors, float), np.ones(len(errors), int), texts, **more)


@pytest.mark.parametrize(("c", "share", "b"), [(0.0, 0.1, 0.5), (0.05, 0.1, 1.0), (0.2, 0.05, 0.3)])
def test_an_exact_power_law_is_found(c: float, share: float, b: float) -> None:
    a = share * 4000**b
    found = power_law.fit(measured(c + a * SIZES**-b, texts=10**8))
    assert found.at(SIZES) == pytest.approx(c + a * SIZES**-b, rel=1e-3)
    assert found.at(np.array([16000.0])) == pytest.approx(c + a * 16000**-b, rel=0.02)
    assert (found.b, found.misfit) == (pytest.approx(b, rel=0.06), 1.0)


def coverage(truth: object, settings: list[tuple], repetitions: int) -> float:
    """Share of drawn curves whose band at four times the data holds the true error."""
    draw, hits = np.random.default_rng(1), []
    for setting in settings:
        *shape, texts = setting
        true = truth(SIZES / 4000, *shape)  # type: ignore[operator]
        (wanted,) = truth(np.array([4.0]), *shape)  # type: ignore[operator]
        for _ in range(repetitions):
            share = np.clip(true * (1 + 0.05 * draw.standard_normal(4)), 0, 1)
            found = power_law.band(measured(draw.binomial(texts, share) / texts, texts), np.array([16000.0]))
            hits.append(found.low[0] <= wanted <= found.high[0])
    return float(np.mean(hits))


def test_the_band_holds_the_truth_of_power_laws() -> None:
    """At four times the data, in nominally 95 % of the cases; 97 % of 480 such curves."""
    settings = list(product((0.03, 0.1), (0.0, 0.3, 0.6, 0.9), (0.25, 0.5, 1.0), (200, 1000)))
    share = coverage(lambda x, error, rest, b: error * (rest + (1 - rest) * x**-b), settings, 5)
    assert 0.88 <= share <= 0.99


def test_the_band_holds_most_curves_of_another_form() -> None:
    """Exponential ones: 88 % of 320 such curves; of power laws alone, 38 %."""
    settings = list(product((0.1, 0.25), (0.0, 0.5), (0.5, 1.5), (200, 1000)))
    share = coverage(lambda x, error, rest, d: error * (rest + (1 - rest) * np.exp(-d * (x - 1))), settings, 10)
    assert 0.75 <= share <= 0.97


def test_the_band_is_the_same_every_time_and_wider_further_away() -> None:
    data = measured([0.2, 0.17, 0.15, 0.13])
    sizes = np.array([8000.0, 16000.0, 32000.0])
    first, second = power_law.band(data, sizes), power_law.band(data, sizes)
    assert np.array_equal(first.low, second.low) and np.array_equal(first.high, second.high)
    width = (first.high - first.low) / power_law.fit(data).at(sizes)
    assert (np.diff(width) > 0).all()
    few = power_law.band(measured([0.2, 0.17, 0.15, 0.13], texts=100), sizes)
    assert (few.high - few.low > first.high - first.low).all()


def test_errors_that_do_not_fall_have_no_narrow_band() -> None:
    sizes = np.array([16000.0])
    flat, rising = (power_law.band(measured(errors, 2000), sizes) for errors in ([0.1] * 4, [0.08, 0.1, 0.12, 0.14]))
    assert flat.low[0] < 0.1 < flat.high[0]
    assert rising.low[0] < 0.08 and rising.high[0] > 0.12
    assert power_law.fit(measured([0.08, 0.1, 0.12, 0.14], 2000)).misfit > 5
    none = power_law.band(measured([0.0] * 4, 100), sizes)
    assert none.low[0] < 0.005 < none.high[0]


def test_the_fall_of_the_error_is_surer_than_the_error() -> None:
    """Errors of (n / 4000)^-0.5 times 10 %: twice as many texts take 2.9 points away."""
    new = np.array([8000.0])
    steep = power_law.band(measured(0.1 * (SIZES / 4000) ** -0.5, 2000), new)
    assert 0 < steep.fall_low[0] < 0.1 - 0.1 / np.sqrt(2) < steep.fall_high[0]
    assert steep.fall_high[0] - steep.fall_low[0] < steep.high[0] - steep.low[0]
    flat = power_law.band(measured(np.full(4, 0.1), 2000), new)
    assert flat.fall_low[0] == pytest.approx(0, abs=1e-9) and flat.fall_high[0] < 0.02


def test_two_sizes_are_no_curve() -> None:
    for use in (power_law.fit, lambda data: power_law.band(data, np.array([16000.0]))):
        with pytest.raises(ValueError, match="2 sizes, and at least 3 are needed"):
            use(measured([0.2, 0.17]))


def test_the_spread_between_seeds() -> None:
    twos = [np.array([0.1, 0.12]), np.array([0.2, 0.24])]
    assert power_law.spread_between_seeds(twos) == power_law.SPREAD, "two degrees of freedom do not tell"
    expected = np.sqrt(2 * 0.01**2 / 0.11**2)
    assert power_law.spread_between_seeds(twos * 2) == pytest.approx(expected)
    assert power_law.spread_between_seeds([np.full(5, 0.1)]) == power_law.SPREAD / 4
    narrow = power_law.band(measured([0.2, 0.17, 0.15, 0.13], 10**6, spread=0.02), np.array([16000.0]))
    wide = power_law.band(measured([0.2, 0.17, 0.15, 0.13], 10**6, spread=0.2), np.array([16000.0]))
    assert wide.high[0] - wide.low[0] > 2 * (narrow.high[0] - narrow.low[0])
