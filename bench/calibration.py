"""Type I error and power of the tests behind the verdicts, by simulation: a table of situations, before and after.

Each situation has a bound on how often a test at 5 % may reject a true null hypothesis. *Before* is the test without
the correction that the situation asks for: examples taken for independent, no common error rate, the spread of other
corpora for those with one seed (`former_tests`), Levene's test for spreads. What has no bound is for information.

Run it with ``make bench`` (some three minutes on one core); the whole grid (``--full``) with ``make bench-full``. The
bounds are records; all results are in ``cases`` of the first one, and as a Markdown table beside them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import measure
from bertfit.core.files import write_text
from bertfit.core.formatting import table
from bertfit.statistics import bootstrap
from helpers.simulated_errors import Situation, clusters_of, sides
from rejection_rates import LARGE, SMALL, Rates, equal, exclusions, failing, means, rejections, uncovered, unstable

BOUND, EXCLUDED = 0.06, 0.035
Record = dict[str, Any]


class Case(NamedTuple):
    """A situation: its group, description, and simulation; ``bound`` of the rate after, None for information."""

    group: str
    name: str
    simulate: Callable[[int], Rates]
    bound: float | None = BOUND
    full: bool = False
    """only with ``--full``"""


# ---------------------------------------------------------------------------------------------- the table


def cases() -> Iterator[Case]:
    """All situations."""
    for size in (SMALL, LARGE):
        for seeds in (3, 5, 10):
            for spread in (0.0, 0.15, 0.5):
                at = replace(size, spreads=(spread, spread))
                name = f"{_size(at)}, {seeds} seeds, spread {spread:g}"
                yield Case("as assumed", name, _of(at, seeds), full=size is LARGE)
    for tails in ("heavy", "lognormal"):
        for seeds in (3, 5):
            at = replace(SMALL, tails=tails, spreads=(0.3, 0.3))
            yield Case("other distributions of seeds", f"{tails}, {seeds} seeds", _of(at, seeds))
    for share in (0.05, 0.2, 0.4):
        at = replace(SMALL, error=0.3, failed=(share, share))
        yield Case("failed runs on both sides", f"{share:.0%} of them, 5 seeds", _of(at, 5))
    for size in (SMALL, LARGE):
        for sizes in ("3", "10", "30", "1-30", "1+30"):
            for seeds in (1, 3, 5):
                for shared in (1.0, 0.3):
                    numbers = clusters_of(sizes, size.examples, np.random.default_rng(7))
                    spread = 0.0 if seeds == 1 else 0.15  # with one seed the hypothesis concerns the trained models
                    at = replace(size, clusters=numbers, shared=shared, spreads=(spread, spread))
                    name = f"{_size(at)}, clusters of {sizes}, {shared:.0%} shared, {seeds} seed{'s' * (seeds > 1)}"
                    more = size is LARGE or (sizes, shared) in (("3", 0.3), ("10", 0.3), ("30", 0.3))
                    yield Case("clusters", name, _of(at, seeds), full=more)
    for sizes in ("1", "10", "1-30"):
        for seeds in (1, 3):
            simulate = _bind(uncovered, sizes, seeds, 1000, 0.1)
            yield Case("interval of a cell misses", f"1,000 texts, clusters of {sizes}, {seeds} seed(s)", simulate)
    for spreads in ((0.02, 0.4), (0.4, 0.02), (0.1, 0.4)):
        for size in (SMALL, LARGE, replace(LARGE, error=0.05)):
            for seeds in (3, 5, 10):
                at = replace(size, spreads=spreads)
                name = f"{_size(at)}, spreads {spreads[0]:g} and {spreads[1]:g}, {seeds} seeds"
                yield Case("unequal spreads", name, _of(at, seeds), full=size is not SMALL and seeds == 10)
    even, uneven = (0.15,) * 5, (0.15, 0.15, 0.5, 0.5, 0.5)
    for of_corpora, of_seeds in (
        ((5,) * 5, even),
        ((2,) * 5, even),
        ((3, 3, 1, 1, 1), even),
        ((3, 3, 1, 1, 1), uneven),
    ):
        name = f"{_listed(of_corpora)} seeds; spreads {_listed(of_seeds)}"
        yield Case("mean over five corpora", name, _bind(means, of_corpora, of_seeds))
    for share in (0.1, 0.2, 0.4):
        for seeds in (3, 5, 10):
            name = f"{share:.0%} of the first side fail, {seeds} seeds"
            yield Case("unstable side found better, a failed run seen", name, _bind(unstable, share, seeds, seen=True))
            yield Case("unstable side found better, all studies", name, _bind(unstable, share, seeds, seen=False), None)
    for share in (0.0, 0.2, 0.4):
        for errors in ((0.2, 0.2), (0.3, 0.06)):
            name = f"{share:.0%} of both sides fail, errors {errors[0]:.0%} and {errors[1]:.0%}, 5 seeds"
            yield Case("fails more often", name, _bind(failing, share, errors, 5))
    for worse, better in ((0, 2), (1, 3), (4, 6), (20, 22)):
        name = f"a true gain of 2 of 2,000 examples, {worse + better} discordant"
        yield Case("a true gain is excluded", name, _bind(exclusions, worse, better), EXCLUDED)
    for seeds, examples, error, margin in ((3, 25_000, 0.055, 0.003), (3, 2500, 0.1, 0.01), (5, 400, 0.2, 0.04)):
        name = f"{examples:,} texts, {seeds} seeds, margin {100 * margin:g} points"
        yield Case("equal ways are called equal", name, _bind(equal, seeds, examples, error, margin, 0.0), None)


def _of(situation: Situation, seeds: int) -> Callable[[int], Rates]:
    return lambda repetitions: rejections(situation, seeds, repetitions)


def _bind(simulate: Callable[..., Rates], *values: Any, **more: Any) -> Callable[[int], Rates]:
    return lambda repetitions: simulate(*values, repetitions=repetitions, **more)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _size(situation: Situation) -> str:
    return f"{situation.examples:,} texts, {situation.error:.0%} errors"


def speed() -> float:
    """Seconds of 2,000 resamples of 5 seeds x 25,000 examples."""
    ((first, second, _),) = sides(np.random.default_rng(1), 1, 5, Situation(25_000, 0.06, (0.1, 0.1)))
    start = time.perf_counter()
    bootstrap.means(second[0].astype(np.float64) - first[0])
    return round(time.perf_counter() - start, 3)


def main() -> int:
    """Simulate, print and write the records; returns 1 if a test rejects true null hypotheses too often."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/calibration.json"))
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--full", action="store_true", help="the whole grid")
    parser.add_argument("--groups", nargs="+", help="only these groups of situations")
    options = parser.parse_args()
    records: list[Record] = []
    for case in cases():
        if (case.full and not options.full) or (options.groups and case.group not in options.groups):
            continue
        rates = case.simulate(options.repetitions)
        bound = None if case.bound is None else 100 * case.bound
        records.append({"group": case.group, "case": case.name, **rates._asdict(), "bound": bound})
        print(f"{case.group}: {case.name}: {rates.before} -> {rates.after} %", flush=True)
    lines = [[record["group"], record["case"], f"{record['before']:.1f}", f"{record['after']:.1f}",
              "" if record["bound"] is None else f"{record['bound']:g}"] for record in records]  # fmt: skip
    page = table(["situation", "", "before (%)", "after (%)", "bound"], lines, "llrrr")
    write_text(options.out.with_suffix(".md"), "\n".join(page) + "\n")
    bounds = []
    for bound, name in ((BOUND, "a 5 % test rejects a true null hypothesis, at most"),
                        (EXCLUDED, "a true gain is excluded at 2.5 %, at most")):  # fmt: skip
        found = [record["after"] for record in records if record["bound"] == 100 * bound]
        if found:
            bounds.append(worst(name, bound, found, options.repetitions))
    bounds[0] |= {"cases": records, "multi_bootstrap_seconds": speed()}
    measure.write(options.out, bounds, threads=1)
    return int(not all(record["met"] for record in bounds))


def worst(name: str, bound: float, percent: list[float], repetitions: int) -> measure.Record:
    """The record of the largest of all cases, beside its bound and two standard errors of the simulation."""
    allowed = 100 * (bound + 2 * (bound * (1 - bound) / repetitions) ** 0.5)
    record = measure.alone(name, "%", round(allowed, 2), [max(percent)], at_most=True)
    return record | {"low": min(percent), "cases_in_all": len(percent), "bound": 100 * bound}


if __name__ == "__main__":
    sys.exit(main())
