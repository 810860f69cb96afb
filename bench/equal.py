"""Compares every fast path with its reference implementation on this device: losses, logits and gradients.

    make equal        all of them
    PYTHONPATH=scripts:tests python bench/equal.py packed bfloat16        some

Prints a table of the largest differences, writes them as records (as `measure.alone`) and fails where a bound is
exceeded. The references are in tests/helpers/reference.py. Bounds: equal bits; 1e-5 of the largest value for float32
sums in another order (1e-4 for dropout, whose rate has 16 bits in ours); in bfloat16 three times the error of the
reference.
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

import equal_families
import equal_inputs
import equal_models
import equal_runs
from bertfit.core.files import write_json
from bertfit.runtime import hardware
from bertfit.training.devices import prepare
from equal_inputs import Difference, Differences, Inputs

PATHS: dict[str, Callable[[Inputs], Differences]] = {
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
    "families": equal_families.families,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print and write; returns the exit status, 1 where a bound is exceeded."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"all, or some of {', '.join(PATHS)}")
    parser.add_argument("--out", type=Path, default=Path("results/bench/equal.json"))
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; more do not help at this size")
    options = parser.parse_args(arguments)
    if unknown := set(options.paths) - PATHS.keys():
        parser.error(f"no such path: {', '.join(unknown)}")
    device = prepare(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        inputs = equal_inputs.make(Path(folder), device)
        differences = [difference for name in options.paths or PATHS for difference in PATHS[name](inputs)]
    here = measure.machine(options.threads) | {"device": device_name(device)}
    write_json(options.out, [record(difference) | {"machine": here} for difference in differences])
    print(table(differences, here["device"]))
    return 0 if all(difference.ok for difference in differences) else 1


def record(line: Difference) -> measure.Record:
    """Record with ``path`` and ``quantity``; ``ours`` is the difference, ``goal`` its bound, ``met`` if it is kept."""
    title = f"{line.path}: {line.quantity}"
    compared = measure.alone(title, "largest difference", line.bound, [line.difference], at_most=True)
    return compared | {"path": line.path, "quantity": line.quantity}


def table(lines: Sequence[Difference], device: str) -> str:
    """Text with a line for each difference, and how many are within their bounds."""
    rows = [f"{f'fast path / reference, on {device}':58s} {'quantity':24s} {'difference':>10s} {'bound':>10s}"]
    for line in lines:
        verdict = "ok" if line.ok else "EXCEEDED"
        rows.append(f"{line.path:58s} {line.quantity:24s} {line.difference:10.2g} {line.bound:10.2g} {verdict}")
    return "\n".join([*rows, f"{sum(line.ok for line in lines)} of {len(lines)} within their bounds"])


def device_name(device: torch.device) -> str:
    """Model name of the GPU or processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else hardware.processor()


if __name__ == "__main__":
    sys.exit(main())
