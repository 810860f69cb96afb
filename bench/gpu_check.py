"""What only a GPU can show, in one run: limits of the card, tests, equality, speed, the same bits, sharing, real text.

    make gpu-check                                       all parts, about twenty minutes (estimated)
    PYTHONPATH=scripts:tests python bench/gpu_check.py --parts environment speed
    PYTHONPATH=scripts:tests python bench/gpu_check.py --tiny --parts environment speed reproducible       on a CPU

Each part is a process with a limit of time and a log of its own; one that fails or takes too long costs the others
nothing. ``--out`` gets ``summary.txt``, which grows with each part, ``record.json``, and a log for each part. Neither
snakemake nor datasets nor spacy is needed. The exit status is 1 where a part failed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import measure
from bertfit.core.files import read_json, write_json
from gpu.report import VARIANTS, Part, Report, Settings

ROOT = Path(__file__).parents[1]
PATHS = os.pathsep.join(str(ROOT / name) for name in ("scripts", "tests", "bench"))
OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Entry:
    """A part of the check."""

    module: str
    seconds: int
    """after which it is ended"""
    all_gpus: bool = False
    """whether it uses all that are visible"""


PARTS = {
    "environment": Entry("gpu.environment", 60),
    "tests": Entry("gpu.unit_tests", 240),
    "equal": Entry("gpu.equal_paths", 90),
    "speed": Entry("gpu.speed", 420),
    "reproducible": Entry("gpu.reproducible", 300),
    "families": Entry("gpu.families", 300),
    "plan": Entry("gpu.planned_speed", 240),
    "sharing": Entry("gpu.sharing", 300),
    "several": Entry("gpu.several_gpus", 180, all_gpus=True),
    "trec": Entry("gpu.trec", 120),
}


def run_part(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run a part in a process of its own, with its output in its log; what it reported, its status and seconds."""
    limit = PARTS[name].seconds * options.limit_factor
    environment = os.environ | OFFLINE
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (PATHS, os.environ.get("PYTHONPATH"))))
    if options.tiny:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    elif not PARTS[name].all_gpus:  # `Trainer` would divide its batches over all
        environment["CUDA_VISIBLE_DEVICES"] = environment.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    with tempfile.TemporaryDirectory() as folder, open(options.out / f"{name}.log", "w", encoding="utf-8") as log:
        found = Path(folder, "found.json")
        command = [sys.executable, __file__, "--run-part", PARTS[name].module, str(found)]
        command += ["--threads", str(options.threads), "--variants", *options.variants]
        command += [*(["--tiny"] if options.tiny else []), *(["--data", str(options.data)] if options.data else [])]
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # with all processes that the part has started
                process.wait()
        reported = read_json(found) if found.is_file() else {}
    seconds = round(time.monotonic() - began, 1)
    outcome = outcome_of(status, reported)
    return {"outcome": outcome, "exit_status": status, "seconds": seconds, "limit_seconds": limit} | reported


def outcome_of(status: int | None, reported: dict[str, Any]) -> str:
    """``passed``, ``skipped``, ``failed``, or ``out of time``, from the exit status (None: ended) and the report."""
    if status is None:
        return "out of time"
    if status:
        return "failed"
    return "skipped" if reported.get("skipped") else "passed"


def summary(parts: dict[str, dict[str, Any]]) -> str:
    """For each part a line with outcome and time, and below it what it reported."""
    lines = []
    for name, part in parts.items():
        lines.append(f"== {name}: {part['outcome']}, {part['seconds']:.0f} s of at most {part['limit_seconds']:g}")
        lines += [f"   {line}" for line in part.get("lines", [])]
        if part["exit_status"] and not part.get("failures"):
            lines.append(f"   ended with status {part['exit_status']}: see {name}.log")
    return "\n".join(lines) + "\n"


def in_this_process(module: str, found: Path, settings: Settings) -> int:
    """Do the part of a module and write its report; returns the exit status."""
    report = Report(found)
    cast(Part, importlib.import_module(module)).run(report, settings)
    return 1 if report.failures else 0


def commit() -> str:
    """The commit that is checked out, if git is here."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Check this GPU.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="by default all")
    parser.add_argument("--out", type=Path, default=Path("results/bench/gpu"))
    parser.add_argument("--data", type=Path, help="folder with trec.train.parquet and trec.test.parquet")
    parser.add_argument("--threads", type=int, default=min(8, os.cpu_count() or 1), help="CPU threads of each part")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="of a training step")
    parser.add_argument("--limit-factor", type=float, default=1.0, help="times the time limits, on a slow machine")
    parser.add_argument("--tiny", action="store_true", help="tiny shapes, on the CPU: to try the check itself")
    parser.add_argument("--run-part", nargs=2, metavar=("MODULE", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.out = options.out.resolve()
    options.data = options.data and options.data.resolve()
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts one after the other; print the summary last."""
    options = parse(arguments)
    if options.run_part:
        module, found = options.run_part
        settings = Settings(options.tiny, options.threads, options.data, options.variants)
        return in_this_process(module, Path(found), settings)
    options.out.mkdir(parents=True, exist_ok=True)
    about = {"commit": commit(), "tiny": options.tiny, "machine": measure.machine(options.threads)}
    parts: dict[str, dict[str, Any]] = {}
    for name in options.parts:
        parts[name] = run_part(name, options)
        print(f"{name}: {parts[name]['outcome']}", flush=True)
        write_json(options.out / "record.json", about | {"parts": parts})
        (options.out / "summary.txt").write_text(summary(parts), encoding="utf-8")
    print(summary(parts), end="")
    return 0 if all(part["outcome"] in ("passed", "skipped") for part in parts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
