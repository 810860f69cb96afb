"""SIGKILL at random moments of a run: to all processes, to Snakemake alone, or to one job alone."""

from __future__ import annotations

import random
import time
from pathlib import Path

import psutil

from .copies import Copy, Run, differences

MOMENTS = 20
KINDS = ["all"] * 14 + ["Snakemake alone"] * 3 + ["a job alone"] * 3


def inject(undisturbed: Copy, folder: Path, jobs: int, seconds: float, seed: int) -> tuple[str, list[str]]:
    """Kill a fresh run at `MOMENTS` moments and start it again each time; ``jobs`` and ``seconds`` are those of a run.

    A moment is a number of finished jobs and a delay. A killed job fails, and Snakemake continues with the others. Jobs
    of a killed Snakemake continue beside the next Snakemake and its jobs.
    """
    draw = random.Random(seed)
    moments = sorted(draw.sample(range(jobs - 1), min(MOMENTS, jobs - 1)))
    kinds = KINDS[: len(moments)]
    draw.shuffle(kinds)
    copy = Copy(folder, undisturbed.study)
    runs, before, counts = [Run(copy)], 0, dict.fromkeys(KINDS, 0)
    for moment, kind in zip(moments, kinds, strict=True):
        while True:
            run = runs[-1]
            if not run.alive():  # a failed job ended it, or a lock
                before += run.done()
                if run.process.returncode == 0:
                    break
                if "cannot be locked" in run.text():
                    copy.unlock()
                if len(runs) > 3 * MOMENTS:
                    raise SystemExit(f"the run does not resume after kills:\n{run.text()[-6000:]}")
                runs.append(Run(copy))
            elif before + run.done() >= moment:
                break
            time.sleep(0.05)
        if not run.alive():
            break
        time.sleep(draw.uniform(0, 2 * seconds / jobs))
        counts[kind] += _kill(run, kind, draw)
        if kind != "a job alone":
            before += run.done()
            copy.unlock()
            runs.append(Run(copy))
    for run in runs:
        run.kill_all()
    copy.unlock()
    copy.recover()
    summary = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    lost = [] if sum(counts.values()) == len(moments) else [f"{sum(counts.values())} kills of {len(moments)}"]
    return f"{sum(counts.values())} ({summary})", lost + differences(undisturbed.outputs(), copy.outputs())


def _kill(run: Run, kind: str, draw: random.Random) -> int:
    """Kill; returns 1, or 0 where no job was running."""
    if kind == "all":
        run.kill_all()
        return 1
    if kind == "Snakemake alone":
        run.process.kill()
        run.process.wait()
        return 1
    for _ in range(600):  # until there is a job
        jobs = [child for child in _children(run) if any(".snakemake/scripts" in word for word in _words(child))]
        if jobs:
            draw.choice(sorted(jobs, key=lambda process: process.pid)).kill()
            return 1
        time.sleep(0.05)
    return 0


def _children(run: Run) -> list[psutil.Process]:
    try:
        return psutil.Process(run.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
