"""Fault-injection tests: after faults a run must produce the same bytes: python -m fault_injection [STUDY].

Each test has its own copy of the workflow in a temporary folder. Prints a table; the exit status is 1 where anything
differs from the undisturbed run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import clocks, damage, disk, kills, locks
from .copies import Copy, Run

SEED = 20190514
TESTS = ("kills", "full disk", "damage", "damage, new times", "clocks", "two at once")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", default="fault_injection")
    parser.add_argument("--only", nargs="+", choices=TESTS, metavar="TEST", help="only these tests")
    parser.add_argument(
        "--keep", type=Path, help="folder for the copies, which are kept; an undisturbed run in it is reused"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        undisturbed, jobs, seconds = _undisturbed(folder / "undisturbed", given.study)
        print(
            f"| undisturbed | {jobs} jobs, {len(undisturbed.outputs())} files compared | | {seconds:.0f} |", flush=True
        )
        sample = _sample(undisturbed)
        tests: dict[str, Callable[[Path], tuple[str, list[str]]]] = {
            "kills": lambda to: kills.inject(undisturbed, to, jobs, seconds, SEED),
            "full disk": lambda to: disk.inject(undisturbed, to),
            "damage": lambda to: damage.inject(undisturbed, to, True, SEED),
            "damage, new times": lambda to: damage.inject(undisturbed, to, False, SEED + 1),
            "clocks": lambda to: clocks.inject(undisturbed, to, sample, SEED),
            "two at once": lambda to: locks.inject(undisturbed, to, sample),
        }
        failed = 0
        for name in given.only or TESTS:
            began = time.monotonic()
            done, wrong = tests[name](folder / name.replace(" ", "-"))
            failed += bool(wrong)
            verdict = "same bytes" if not wrong else f"{len(wrong)} WRONG"
            verdict = "" if done.startswith("skipped") else verdict
            print(f"| {name} | {done} | {verdict} | {time.monotonic() - began:.0f} |", flush=True)
            for difference in wrong[:20]:
                print(f"    {difference}", flush=True)
    return 1 if failed else 0


def _undisturbed(folder: Path, study: str) -> tuple[Copy, int, float]:
    """A completed run, its number of jobs and its seconds."""
    began = time.monotonic()
    if folder.exists():
        copy = Copy.there(folder, study)
    else:
        copy = Copy(folder, study)
        run = Run(copy)
        if run.process.wait():
            raise SystemExit(run.text()[-6000:])
        (folder / "took").write_text(f"{run.done()} {time.monotonic() - began}")
    jobs, seconds = (folder / "took").read_text().split()
    return copy, int(jobs), float(seconds)


def _sample(undisturbed: Copy) -> list[str]:
    """Sample of outputs of all stages: multi-task training, features, a fifth of the fine-tunings, tables."""
    made_by = sorted(undisturbed.made_by().items())
    rules = ("multitask_encoder", "train_on_features", "run_baseline", "tabulate_runs", "judge_claims")
    trained = sorted({Path(name).parent for name, rule in made_by if rule == "finetune"})[::5]
    return [name for name, rule in made_by if rule in rules or (rule == "finetune" and Path(name).parent in trained)]


if __name__ == "__main__":
    sys.exit(main())
