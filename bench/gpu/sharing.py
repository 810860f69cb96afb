"""Small jobs that share a GPU: their speed together beside that of one alone, in turns and under MPS; the same bits.

Each job is a process that leases its share as a job of the workflow does (`gpu_lease`) and trains a classifier of
all-MiniLM-L6-v2's shape on texts of TREC's lengths. All have done their first steps before the steps that count begin.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bertfit.core.files import read_json, write_json
from bertfit.runtime import gpu_lease, hardware
from gpu.report import Report, Settings

JOBS = 4  # at once
SHAPE, STEPS, WARMUP = "L6-H384", 600, 100
TINY_JOBS, TINY_SHAPE, TINY_STEPS, TINY_WARMUP = 2, "L2-H64", 8, 2
DAEMON = "nvidia-cuda-mps-control"
LOG_FOLDER = "CUDA_MPS_LOG_DIRECTORY"
LIMIT = 90  # seconds of jobs at once: the part itself would be killed, and MPS not ended
PAUSE = 0.02  # seconds between two looks at files of the other processes


class Together(NamedTuple):
    """Jobs that trained at the same time."""

    tokens_per_second: float
    """of all of them, from the first step that counts to the last of the slowest job"""
    digests: set[str]
    """of their weights and logits"""


def run(report: Report, settings: Settings) -> None:
    """One job alone, then several in turns, then several under MPS; this process uses no GPU."""
    several, mps_runs = TINY_JOBS if settings.tiny else JOBS, gpu_lease.mps_runs(os.environ)
    ways: dict[str, tuple[int, bool]] = {"one job alone": (1, False)}
    ways[f"{several} jobs at once, {'under the MPS that runs here' if mps_runs else 'in turns'}"] = several, False
    if not mps_runs and shutil.which(DAEMON):
        ways[f"{several} jobs at once, under MPS"] = several, True
    alone: Together | None = None
    for way, (jobs, with_mps) in ways.items():
        found = report.attempt(way, partial(_round, jobs, settings, with_mps=with_mps))
        alone = alone or found
        if alone is None:
            return  # nothing to compare with
        if found is None:
            continue
        speed, same = found.tokens_per_second, found.digests == alone.digests
        report.append("rounds", {"way": way, "jobs": jobs, "tokens_per_second": speed, "same_bits": same})
        report.say(f"{way}: {speed:,.0f} tokens/s, {speed / alone.tokens_per_second:.2f} times that of one")
        if not same:
            report.fail(f"{way}: other weights or logits than of one job alone")
    if not mps_runs and not shutil.which(DAEMON):
        report.say(f"without MPS: no {DAEMON} is here")


def _round(jobs: int, settings: Settings, *, with_mps: bool) -> Together:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # MPS may still write its log
        if not with_mps:
            return together(jobs, Path(folder), settings, {})
        with mps(Path(folder)) as environment:
            return together(jobs, Path(folder), settings, environment)


def together(jobs: int, folder: Path, settings: Settings, environment: dict[str, str]) -> Together:
    """Train ``jobs`` classifiers at once. Raises RuntimeError if a process fails, or they take too long."""
    command = [sys.executable, "-m", "gpu.sharing", str(folder), "--jobs", str(jobs)]
    threads = max(1, settings.threads // JOBS)  # as many for one job alone: bits of a CPU depend on them
    command += ["--threads", str(threads), *(["--tiny"] if settings.tiny else [])]
    processes = [
        subprocess.Popen([*command, "--number", str(number)], env=os.environ | environment) for number in range(jobs)
    ]
    deadline = time.monotonic() + LIMIT
    try:
        _wait(lambda: all((folder / f"{number}.ready").exists() for number in range(jobs)), processes, deadline)
        (folder / "go").touch()
        _wait(lambda: all(process.poll() is not None for process in processes), processes, deadline)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    ended = [read_json(folder / f"{number}.json") for number in range(jobs)]
    seconds = max(job["ended"] for job in ended) - min(job["began"] for job in ended)
    return Together(sum(job["tokens"] for job in ended) / seconds, {job["digest"] for job in ended})


def _wait(condition: Callable[[], bool], processes: list[subprocess.Popen[bytes]], deadline: float) -> None:
    while True:
        reached = condition()
        if failed := [process.returncode for process in processes if process.poll()]:
            raise RuntimeError(f"a job ended with status {failed[0]}; its output is above")
        if reached:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"the jobs took more than {LIMIT} s")
        time.sleep(PAUSE)


@contextmanager
def mps(folder: Path) -> Iterator[dict[str, str]]:
    """NVIDIA's MPS while the block runs, with its files in ``folder``; yields the environment of its clients."""
    clients = {gpu_lease.MPS_PIPES: str(folder / "pipe"), LOG_FOLDER: str(folder / "log")}
    for path in clients.values():
        Path(path).mkdir()
    environment = os.environ | clients
    if not environment.get("CUDA_VISIBLE_DEVICES", "").startswith("MIG-"):  # else clients choose among all GPUs by it
        environment.pop("CUDA_VISIBLE_DEVICES", None)
    subprocess.run([DAEMON, "-d"], env=environment, check=True, timeout=30, stdin=subprocess.DEVNULL)
    try:
        yield clients
    finally:
        with suppress(subprocess.TimeoutExpired):
            subprocess.run([DAEMON], input=b"quit -t 10\n", env=environment, check=False, timeout=30)


def _train(folder: Path, number: int, options: argparse.Namespace) -> None:
    """Train one classifier, within its share of a GPU; the steps that count wait for all jobs."""
    visible = hardware.visible(os.environ)
    with gpu_lease.gpus(min(1, len(visible)), options.jobs, locks=folder):
        from bertfit.training import devices
        from gpu import timing, training

        if devices.prepare(options.threads).type == "cpu" and visible:
            raise RuntimeError("CUDA does not start in this job")
        shape, steps, warmup = (TINY_SHAPE, TINY_STEPS, TINY_WARMUP) if options.tiny else (SHAPE, STEPS, WARMUP)
        task: Any = training.classifier(shape, steps)
        times: dict[int, float] = {}
        reached = task.reached

        def waiting(step: int, check: Callable[[], None]) -> None:
            if step == warmup:
                timing.now()
                (folder / f"{number}.ready").touch()
                while not (folder / "go").exists():
                    time.sleep(PAUSE)
            if step in (warmup, steps):
                timing.now()
                times[step] = time.monotonic()  # the same clock in all processes of the machine
            reached(step, check)

        task.reached = waiting
        cost = training.trained(task, folder / f"{number}.state", training.OPTIONS["half_weights"], marks=(warmup,))
        tokens = cost["tokens"] - cost["marks"][str(warmup)]["tokens"]
        ended = {"began": times[warmup], "ended": times[steps], "tokens": tokens, "digest": training.digest(task)}
        write_json(folder / f"{number}.json", ended)


def main() -> None:
    """One of the jobs."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    _train(options.folder, options.number, options)


if __name__ == "__main__":
    main()
