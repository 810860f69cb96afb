"""Many tests at once give the numbers of one at a time: p values, means over corpora, Holm's correction, verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from bertfit.claims import assess, verdicts
from bertfit.claims.claim_schema import Contrast, Kind, Runs
from bertfit.power import drawn_tests
from bertfit.power.drawn_tests import Differences
from bertfit.statistics import paired_tests
from bertfit.statistics.difference import Difference

RANDOM = np.random.default_rng(3)
KINDS: tuple[Kind, ...] = ("better", "equal", "not better", "larger gain")


def drawn(count: int = 40, *, seeds: int = 3, exact: bool = False) -> Differences:
    return Differences(
        RANDOM.normal(0, 0.02, count),
        RANDOM.uniform(0.001, 0.02, count),
        RANDOM.uniform(1, 60, count),
        np.full(count, 1 / 400),
        seeds,
        400,
        RANDOM.uniform(0, 1, count) if exact else None,
    )


def one(many: Differences, index: int) -> Difference:
    """The difference of one repetition."""
    exact = None if many.exact is None else float(many.exact[index])
    numbers = (float(array[index]) for array in (many.value, many.error, many.df))
    return Difference(*numbers, many.seeds, many.examples, exact, float(many.step[index]))


def contrast(kind: Kind, margin: float = 1.0) -> Contrast:
    runs = Runs(weight=1, corpus="imdb", encoder="mini", recipe="default", seeds=[1])
    return Contrast(kind=kind, a="a", b="b", margin=margin, columns=[[runs]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exact", [False, True])
def test_p_values_are_those_of_single_differences(kind: Kind, exact: bool) -> None:
    effect = drawn(seeds=1 if exact else 3, exact=exact)
    support, against = drawn_tests.for_and_against(kind, 1.0, effect)
    for index in range(40):
        expected = assess._p_for_and_against(contrast(kind), one(effect, index))
        assert (support[index], against[index]) == pytest.approx(expected)


def test_means_over_corpora_are_those_of_single_differences() -> None:
    parts = [drawn(seeds=2), drawn(), drawn()]
    found = drawn_tests.average(parts)
    for index in range(40):
        expected = paired_tests.average([one(part, index) for part in parts])
        mean = one(found, index)
        assert (mean.value, mean.error, mean.df, mean.step) == pytest.approx(
            (expected.value, expected.error, expected.df, expected.step)
        )
        assert (mean.seeds, mean.examples) == (expected.seeds, expected.examples)
    assert drawn_tests.average(parts[:1]) is parts[0]


def test_a_gain_over_a_published_error_is_that_of_the_claims() -> None:
    effect = drawn()
    found = effect.below_published(0.05)
    expected = assess._below_published(one(effect, 7), 0.05)
    assert (found.value[7], found.error[7], found.step[7]) == pytest.approx((expected.value, expected.error, 0.0))
    assert found.df[7] == pytest.approx(expected.df)


@pytest.mark.parametrize("complete", [True, False])
def test_verdicts_are_those_of_the_claims(complete: bool) -> None:
    support, against = (RANDOM.uniform(0, 0.1, (200, 3)) ** 2 * 10 for _ in range(2))
    holds, refuted = drawn_tests.decided(support, against, complete=complete)
    effect = one(drawn(), 0)
    without_runs = [] if complete else [assess.Finding(Contrast(kind="better", a="a", margin=1.0))]
    seen = set()
    for index in range(200):
        pairs = zip(support[index], against[index], strict=True)
        findings = [assess.Finding(contrast("better"), effect, float(s), float(a)) for s, a in pairs]
        verdict, *_ = verdicts.decide([*findings, *without_runs])
        assert (holds[index], refuted[index]) == (verdict == "holds", verdict == "does not hold")
        seen.add(verdict)
    assert len(seen) == (3 if complete else 2)
    corrected = drawn_tests.holm(support)
    assert corrected[0].tolist() == pytest.approx(paired_tests.holm(support[0].tolist()))
