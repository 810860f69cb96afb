"""Every fast path beside its plain twin, on this device: the largest differences of losses, logits and gradients.

    make equal        all of them
    PYTHONPATH=scripts:tests python bench/equal.py packed bfloat16        some

Prints a table, writes a list of records (in the form of `measure.alone`) and fails where a bound is broken. The twins
are in tests/helpers/reference.py. Bounds: equal bits, 1e-5 of the largest value for another order of float32 sums (1e-4
for dropout, whose rate has 16 bits in ours), and in bfloat16 three times the error of the padded, eager way.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import torch

import equal_models
import equal_runs
import twins
from bertfit.core.files import write_json
from bertfit.training.device import prepare
from twins import Difference, Differences, World

PATHS: dict[str, Callable[[World], Differences]] = {
    "packed": equal_models.packed,
    "head": equal_models.head,
    "top": equal_models.top,
    "attention": equal_models.attentions,
    "dropout": equal_models.dropout,
    "threads": equal_models.threads,
    "bfloat16": equal_models.half,
    "adam": equal_runs.adam,
    "resume": equal_runs.resume,
    "seeds": equal_runs.seeds,
    "states": equal_runs.states,
    "truncation": equal_runs.truncation,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print and write; returns the exit status, 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"all, or some of {', '.join(PATHS)}")
    parser.add_argument("--out", type=Path, default=Path("results/bench/equal.json"))
    parser.add_argument("--threads", type=int, default=1, help="more gain nothing at this size")
    options = parser.parse_args(arguments)
    if unknown := set(options.paths) - PATHS.keys():
        parser.error(f"no such path: {', '.join(unknown)}")
    where = prepare(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        world = twins.make(Path(folder), where)
        found = [line for name in options.paths or PATHS for line in PATHS[name](world)]
    here = measure.machine(options.threads) | {"device": device_name(where)}
    write_json(options.out, [record(line) | {"machine": here} for line in found])
    print(table(found, here["device"]))
    return 0 if all(line.ok for line in found) else 1


def record(line: Difference) -> measure.Record:
    """With ``path`` and ``quantity``; ``ours`` is the difference, ``goal`` its bound, ``met`` whether it is within."""
    title = f"{line.path}: {line.quantity}"
    made = measure.alone(title, "largest difference", line.bound, [line.difference], at_most=True)
    return made | {"path": line.path, "quantity": line.quantity}


def table(lines: Sequence[Difference], device: str) -> str:
    """A line a quantity, and how many are within their bounds."""
    rows = [f"{f'fast way / plain way, on {device}':58s} {'quantity':24s} {'difference':>10s} {'bound':>10s}"]
    for each in lines:
        verdict = "ok" if each.ok else "BROKEN"
        rows.append(f"{each.path:58s} {each.quantity:24s} {each.difference:10.2g} {each.bound:10.2g} {verdict}")
    return "\n".join([*rows, f"{sum(each.ok for each in lines)} of {len(lines)} within their bounds"])


def device_name(where: torch.device) -> str:
    """What the device calls itself."""
    return torch.cuda.get_device_name(where) if where.type == "cuda" else measure.hardware.processor()


if __name__ == "__main__":
    sys.exit(main())
