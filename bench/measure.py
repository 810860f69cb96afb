"""Shared by the benches: sides that take turns, and records of measurements with machine and goal.

A record has ``name, ours, theirs, unit, ratio, low, high, pairs, goal`` and, beside them, ``at_most`` (the goal is an
upper bound), ``met``, ``machine``. ``ours`` and ``theirs`` are medians, ``ratio`` is the median over the pairs of a
turn, ``low`` and ``high`` are its extremes. Where there is nothing to compare with, ``theirs`` and ``ratio`` are null,
the goal is one of ``ours``, and so are ``low`` and ``high``.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from bertfit.core import installed_packages
from bertfit.core.files import read_json, write_json
from bertfit.runtime import hardware

Record = dict[str, Any]
Measurement = TypeVar("Measurement")
PACKAGES = ("torch", "transformers", "accelerate", "datasets", "tokenizers", "numpy", "pyarrow", "snakemake")


def turns(pairs: int, *sides: Callable[[int], Measurement]) -> Iterator[tuple[Measurement, ...]]:
    """Measurements of all sides, pair after pair, in one process; the order of the sides rotates.

    Other load on the machine so affects all sides alike.
    """
    for pair in range(pairs):
        measured = {}
        for place in range(len(sides)):
            side = (pair + place) % len(sides)
            measured[side] = sides[side](pair)
        yield tuple(measured[side] for side in range(len(sides)))


def compare(name: str, unit: str, goal: float | None, speeds: Sequence[Sequence[float]]) -> Record:
    """The record of pairs of (our speed, their speed); ``goal`` is the least ratio wanted."""
    ratios = [ours / theirs for ours, theirs in speeds]
    ours, theirs = (statistics.median(column) for column in zip(*speeds, strict=True))
    ratio = statistics.median(ratios)
    return _record(name, unit, goal, ours, theirs, ratio, ratios, met=goal is None or ratio >= goal)


def alone(name: str, unit: str, goal: float | None, values: Sequence[float], *, at_most: bool) -> Record:
    """The record of ``values`` without another side, compared with ``goal`` alone."""
    ours = statistics.median(values)
    met = goal is None or (ours <= goal if at_most else ours >= goal)
    return _record(name, unit, goal, ours, None, None, values, met=met) | {"at_most": at_most}


def write(path: Path, records: Sequence[Record], threads: int) -> None:
    """Write ``records`` with the machine they were measured on, and print them."""
    here = machine(threads)
    write_json(path, [record | {"machine": here} for record in records])
    print(table(records), flush=True)


def machine(threads: int) -> Record:
    """Processor, cores, threads of the sides, system and versions."""
    packages = {name: installed(name) for name in PACKAGES}
    return {
        "processor": hardware.processor(), "cores": os.cpu_count(), "threads": threads,
        "system": platform.platform(), "versions": installed_packages.versions() | packages,
    }  # fmt: skip


def installed(package: str) -> str:
    """Version of a package, or that it is not installed: on a GPU's machine snakemake and datasets may be absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def table(records: Sequence[Record]) -> str:
    """Text with a line for each record: name, ours, theirs, ratio, its extremes, and whether the goal is met."""
    lines = [f"{'':62s} {'ours':>10s} {'theirs':>10s}  {'unit':12s} {'ratio':>7s}  {'low to high':18s} goal"]
    for record in records:
        number = [f"{record[name]:10.4g}" if record[name] is not None else f"{'-':>10s}" for name in ("ours", "theirs")]
        ratio = "-" if record["ratio"] is None else f"{record['ratio']:.2f}"
        extremes = f"{record['low']:.4g} to {record['high']:.4g}"
        head = f"{record['name']:62s} {' '.join(number)}  {record['unit']:12s}"
        lines.append(f"{head} {ratio:>7s}  {extremes:18s} {_goal(record)}")
    return "\n".join(lines)


def read(folder: Path) -> list[Record]:
    """The records of all files of a folder."""
    return [record for path in sorted(folder.glob("*.json")) for record in read_json(path)]


def _record(
    name: str, unit: str, goal: float | None, ours: float, theirs: float | None, ratio: float | None,
    spread: Sequence[float], *, met: bool,
) -> Record:  # fmt: skip
    def short(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.4g}")

    return {
        "name": name, "ours": short(ours), "theirs": short(theirs), "unit": unit, "ratio": short(ratio),
        "low": short(min(spread)), "high": short(max(spread)), "pairs": len(spread), "goal": goal,
        "at_most": False, "met": met,
    }  # fmt: skip


def _goal(record: Record) -> str:
    """The goal, and whether it is met."""
    if record["goal"] is None:
        return "none"
    bound = "at most" if record["at_most"] else "at least"
    return f"{bound} {record['goal']:g}: {'met' if record['met'] else 'MISSED'}"


def main() -> None:
    """Print the records of all benches, and how many goals are met."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results/bench"))
    records = read(parser.parse_args().folder)
    goals = [record["met"] for record in records if record["goal"] is not None]
    print(f"{table(records)}\n{sum(goals)} of {len(goals)} goals are met")


if __name__ == "__main__":
    main()
