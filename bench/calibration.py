"""How often the tests behind the verdicts are wrong, by simulation: nothing to find, and a true difference.

Under the null hypothesis a test at 5 % may find something in at most 7 % of the cases. Beside the test in use stand the
two that are commonly used instead: a t test over seeds, and the Multi-Bootstrap (Sellam et al. 2022) with a normal
interval of its exact variance. Run it with ``make bench``: half a minute on one core. Writes a list of records.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from bertfit import bootstrap, paired
from bertfit.files import write_json
from simulated import differences

SEEDS = (3, 5, 10)
SPREADS = (0.0, 0.15, 0.5)  # of a seed's luck, where an example's difficulty has 1
TESTS = ((400, 0.2, 0.25), (2000, 0.1, 0.15))  # examples, share of errors, gain (of the hidden sums)
BOUND = 0.07
Record = dict[str, Any]


def rejections(seeds: int, examples: int, error: float, spread: float, gain: float, repetitions: int) -> Record:
    """How often each test finds a difference, in percent; and with a gain, how often one as large counts as none."""
    random = np.random.default_rng([seeds, examples, round(1000 * spread), round(1000 * gain)])
    rows: dict[str, list[np.ndarray]] = {"two_way": [], "seeds_only": [], "multi_bootstrap": []}
    means, errors, dfs, between = [], [], [], []
    for values in differences(random, repetitions, seeds, examples, error=error, spread=spread, gain=gain):
        mean, deviation, df = paired.two_way(values)
        of_seeds = values.mean(-1)
        rows["two_way"].append(2 * stats.t.sf(np.abs(mean / deviation), df))
        alone = np.maximum(of_seeds.std(-1, ddof=1), 1e-9) / np.sqrt(seeds)
        rows["seeds_only"].append(2 * stats.t.sf(np.abs(mean) / alone, seeds - 1))
        rows["multi_bootstrap"].append(2 * stats.norm.sf(np.abs(mean) / np.sqrt(bootstrap.variance(values))))
        means.append(mean), errors.append(deviation), dfs.append(df), between.append(of_seeds.std(-1, ddof=1))
    found = {name: round(100 * float(np.mean(np.concatenate(ps) < paired.LEVEL)), 2) for name, ps in rows.items()}
    mean, deviation, df = np.concatenate(means), np.concatenate(errors), np.concatenate(dfs)
    truth = float(mean.mean()) if gain else 0.0
    record = {
        "true_difference": round(100 * truth, 2),
        "seed_std": round(100 * float(np.concatenate(between).mean()), 2),
    }
    record |= {"found": found}
    if gain:  # equality within a margin, where the truth lies at the margin
        below = 2 * stats.t.cdf((mean - truth) / deviation, df)
        above = 2 * stats.t.sf((mean + truth) / deviation, df)
        record["called_equal"] = round(100 * float(np.mean(np.maximum(below, above) < paired.LEVEL)), 2)
    return record


def spreads(cells: int, seeds: int, factor: float, repetitions: int) -> float:
    """How often the test of spreads finds one of two sides wider, in percent; luck is t with 5 degrees of freedom."""
    random = np.random.default_rng([cells, seeds, round(10 * factor)])
    found = 0
    for _ in range(repetitions):
        one, other = random.standard_t(5, (2, cells, seeds))
        effect = paired.spread(list(factor * one), list(other))
        found += effect is not None and effect.p() < paired.LEVEL
    return round(100 * found / repetitions, 2)


def speed() -> float:
    """Seconds of 2,000 resamples of 5 seeds x 25,000 examples."""
    (values,) = differences(np.random.default_rng(1), 1, 5, 25_000, error=0.06, spread=0.1)
    start = time.perf_counter()
    bootstrap.means(values[0])
    return round(time.perf_counter() - start, 3)


def main() -> int:
    """Print and write all; 1 where a test finds something in nothing too often."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/calibration.json"))
    parser.add_argument("--repetitions", type=int, default=4000)
    options = parser.parse_args()
    records: list[Record] = []
    print("% found                    null:                          a true difference of")
    print("examples seeds seed std    two-way  seeds  bootstrap      points  two-way  seeds  bootstrap  called equal")
    for examples, error, gain in TESTS:
        for seeds in SEEDS:
            for spread in SPREADS:
                null, real = (
                    rejections(seeds, examples, error, spread, shift, options.repetitions) for shift in (0.0, gain)
                )
                records.append({"seeds": seeds, "examples": examples, "spread": spread, "null": null, "real": real})
                a, b = ("  ".join(f"{value:7.1f}" for value in one["found"].values()) for one in (null, real))
                head = f"{examples:8d} {seeds:5d} {null['seed_std']:8.2f} "
                print(f"{head} {a}      {real['true_difference']:6.2f} {b}   {real['called_equal']:7.1f}", flush=True)
    for cells, seeds in ((1, 3), (1, 10), (6, 3), (6, 5)):
        null, real = (spreads(cells, seeds, factor, options.repetitions // 4) for factor in (1.0, 3.0))
        records.append({"test": "spread", "cells": cells, "seeds": seeds, "null": null, "three_times": real})
        print(f"spread of {cells} cells of {seeds} seeds: {null} % under the null, {real} % where three times as wide")
    records.append({"test": "multi-bootstrap", "resamples": bootstrap.RESAMPLES, "seconds": speed()})
    print(f"2,000 resamples of 5 seeds x 25,000 examples: {records[-1]['seconds']} s")
    write_json(options.out, records)
    worst = max(record["null"]["found"]["two_way"] for record in records if "examples" in record)
    print(f"the test in use finds something in nothing in at most {worst} % of the cases (bound {100 * BOUND:g} %)")
    return int(worst > 100 * BOUND)


if __name__ == "__main__":
    sys.exit(main())
