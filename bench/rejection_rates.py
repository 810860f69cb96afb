"""How often the tests behind the verdicts reject, in simulated situations: the parts of `calibration`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

import former_tests
from bertfit.statistics import failed_runs, metrics, paired_tests
from bertfit.statistics.cluster_values import Clusters
from bertfit.statistics.difference import Floats, tail
from bertfit.statistics.significance import LEVEL
from helpers.simulated_errors import Situation, clusters_of, sides

SMALL, LARGE = Situation(400, 0.2), Situation(2000, 0.1)


class Rates(NamedTuple):
    """How often a test rejects, in percent: without the situation's correction, and as it is."""

    before: float
    after: float


# ---------------------------------------------------------------------------------------------- two strategies


def rejections(situation: Situation, seeds: int, repetitions: int) -> Rates:
    """Rejections of no difference between two strategies."""
    random = np.random.default_rng([seeds, situation.examples, round(1000 * situation.spreads[0])])
    clusters = Clusters(situation.clusters) if situation.clusters is not None else None
    before: list[Floats] = []
    after: list[Floats] = []
    for first, second, _ in sides(random, repetitions, seeds, situation):
        values = second.astype(np.float64) - first
        factor = paired_tests.at_common_error(first.mean(-1), second.mean(-1), situation.examples)
        before.append(_p(paired_tests.two_way(values), situation.examples))
        after.append(_p(paired_tests.two_way(values, clusters, factor), situation.examples))
    return _rates(before, after)


def unstable(share: float, seeds: int, repetitions: int, seen: bool) -> Rates:
    """How often the first side, of whose runs a ``share`` fails, is found better at equal means.

    ``seen``: of the studies in which a run failed; else of all.
    """
    random = np.random.default_rng([seeds, round(100 * share)])
    before: list[Floats] = []
    after: list[Floats] = []
    situation = replace(SMALL, error=0.25, failed=(share, 0.0), spreads=(0.05, 0.05))
    for first, second, _ in sides(random, repetitions, seeds, situation):
        values = second.astype(np.float64) - first
        failed = np.array([failed_runs.near_chance(errors, 0.5).sum() for errors in first.mean(-1)])
        factor = paired_tests.at_common_error(first.mean(-1), second.mean(-1), situation.examples)
        of_interest = failed > 0 if seen else np.ones(len(failed), bool)
        for p_values, inflation, gate in ((before, 1.0, False), (after, factor, True)):
            found = paired_tests.two_way(values, None, inflation)
            p = np.where(found.mean > 0, _p(found, situation.examples), 1.0)
            p_values.append(np.where((failed > 0) & gate, 1.0, p)[of_interest])
    return _rates(before, after)


def failing(share: float, errors: tuple[float, float], seeds: int, repetitions: int) -> Rates:
    """How often one of two sides, of six cells each, is found to fail more often (before: to have a wider spread)."""
    random = np.random.default_rng([seeds, round(100 * share), round(100 * errors[0])])
    before: list[Floats] = []
    after: list[Floats] = []
    for _ in range(max(100, repetitions // 8)):
        cells = []
        for error in errors:
            situation = Situation(400, error * (1 - share) + 0.5 * share, failed=(share, 0.0))
            cells.append([first for first, _, _ in sides(random, 6, seeds, situation)])
        both = [[cell for chunk in side for cell in chunk] for side in cells]
        counts = [sum(int(failed_runs.near_chance(cell.mean(-1), 0.5).sum()) for cell in side) for side in both]
        found = failed_runs.share_difference((counts[0], 6 * seeds), (counts[1], 6 * seeds), seeds)
        assert found is not None
        after.append(np.array([found.p()]))
        before.append(np.array([former_tests.wider_spread(*both)]))
    return _rates(before, after)


# ---------------------------------------------------------------------------------------------- several corpora


def means(seeds: tuple[int, ...], spreads: tuple[float, ...], repetitions: int) -> Rates:
    """Rejections of no difference in the mean over corpora, each with its number of seeds.

    Where some have one seed, the null hypothesis after concerns their trained models, as the verdict says; before, the
    verdict was one on the strategies.
    """
    random = np.random.default_rng([*seeds, round(1000 * sum(spreads))])
    before: list[Floats] = []
    after: list[Floats] = []
    corpora = [
        sides(random, repetitions, count, replace(SMALL, spreads=(spread, spread)))
        for count, spread in zip(seeds, spreads, strict=True)
    ]
    for parts in zip(*(_one_by_one(corpus) for corpus in corpora), strict=True):
        truth = np.mean([0.0 if len(expected) > 1 else expected[0] for _, _, expected in parts])
        found = []
        for first, second, _ in parts:
            factor = paired_tests.at_common_error(first.mean(-1), second.mean(-1), first.shape[-1])
            found.append(paired_tests.difference(second.astype(np.float64) - first, None, float(factor)))
        spread = [float((second.mean(-1) - first.mean(-1)).var(ddof=1)) if len(first) > 1 else 0.0
                  for first, second, _ in parts]  # fmt: skip
        before.append(np.array([former_tests.average(found, spread).p()]))
        mean = paired_tests.average(found)
        after.append(np.array([min(mean.below(float(truth)), mean.above(float(truth)))]))
    return _rates(before, after)


def _one_by_one(chunks: Iterator[Any]) -> Iterator[Any]:
    for chunk in chunks:
        yield from zip(*chunk, strict=True)


# ---------------------------------------------------------------------------------------------- intervals, equality


def uncovered(sizes: str, seeds: int, examples: int, error: float, repetitions: int) -> Rates:
    """How often the interval of a cell's error misses the true one; before, of examples taken for independent."""
    random = np.random.default_rng([seeds, examples])
    numbers = clusters_of(sizes, examples, random)
    situation = Situation(examples, error, (0.1, 0.1) if seeds > 1 else (0.0, 0.0), clusters=numbers)
    clusters, labels = Clusters(numbers), np.zeros(examples, int)
    before: list[Floats] = []
    after: list[Floats] = []
    for _, second, _ in sides(random, max(200, repetitions // 4), seeds, situation):
        for wrong in second:
            for outcomes, given in ((before, None), (after, clusters)):
                found = metrics.summarise(wrong.astype(int), labels, 2, clusters=given)
                outcomes.append(np.array([float(found.low <= error <= found.high)]))  # below LEVEL: missed
    return _rates(before, after)


def equal(seeds: int, examples: int, error: float, margin: float, gain: float, repetitions: int) -> Rates:
    """How often two strategies are called equal within ``margin``; before, by two tests at 2.5 %."""
    random = np.random.default_rng([seeds, examples, round(1000 * margin)])
    before: list[Floats] = []
    after: list[Floats] = []
    for first, second, _ in sides(random, repetitions, seeds, Situation(examples, error, (0.008, 0.008), gain)):
        factor = paired_tests.at_common_error(first.mean(-1), second.mean(-1), examples)
        found = paired_tests.two_way(second.astype(np.float64) - first, None, factor)
        bounds = [tail(margin, sign * found.mean, found.error, found.df, 1 / examples) for sign in (1, -1)]
        after.append(np.maximum(*bounds))
        before.append(2 * np.maximum(*bounds))
    return _rates(before, after)


def exclusions(worse: float, better: float, repetitions: int) -> Rates:
    """How often a gain that is true counts as excluded: one seed, so many expected discordant examples of 2,000."""
    examples = 2000
    random = np.random.default_rng([round(worse), round(better), examples])
    lost, won = (random.poisson(expected, 5 * repetitions) for expected in (worse, better))
    mean, gain = (won - lost) / examples, (better - worse) / examples
    deviation = np.sqrt(((won + lost) / examples - mean**2) / (examples - 1) + 1 / examples**2)
    steps = (0.0, 1 / examples)  # before: without the score test
    before, after = ([2 * tail(gain, mean, deviation, examples - 1, step)] for step in steps)
    return _rates(before, after)


def _p(found: paired_tests.TwoWay, examples: int) -> Floats:
    """[R] two-sided p of no difference."""
    sides_of_p = [tail(0.0, sign * found.mean, found.error, found.df, 1 / examples) for sign in (1, -1)]
    return np.minimum(1.0, 2 * np.minimum(*sides_of_p))


def _rates(before: list[Floats], after: list[Floats]) -> Rates:
    shares = [float(np.mean(np.concatenate(values) < LEVEL)) for values in (before, after)]
    return Rates(*(round(100 * share, 2) for share in shares))
