"""Trainings that must end with the same weights and test logits, bit for bit: run twice; stopped or killed and resumed.

Stopped: SIGTERM, on which the loop saves its state at once. Killed: SIGKILL to a process of its own, which the training
survives by the state that it saves every few steps (`loop.SAVE_STEPS`). The same for each variant of a training step.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bertfit.stages.finetuning import FinetuningTask
from bertfit.training import checkpoint, devices, loop
from bertfit.training.train_step import StepOptions
from gpu import speed, training
from gpu.report import Report, Settings

STEPS, SAVED, STOPPED = 12, 4, 10  # the last saved step before the stop is the eighth


class Ended(NamedTuple):
    """A training that has come to its end."""

    digest: str
    """SHA-256 of its weights and test logits"""
    resumed_from: int
    """step of the checkpoint that it began with"""


def run(report: Report, settings: Settings) -> None:
    """Compare digests of weights and logits of all trainings."""
    devices.prepare(settings.threads)
    report.put(trainings=[])
    with tempfile.TemporaryDirectory() as temporary:
        for variant in training.variants(settings):
            report.attempt(variant, partial(_compare, report, settings, variant, Path(temporary)))


def _compare(report: Report, settings: Settings, variant: str, folder: Path) -> None:
    options = training.OPTIONS[variant]
    ways: dict[str, Callable[[], Ended]] = {
        "run twice": partial(_run, settings.tiny, options, folder / "again"),
        "stopped by SIGTERM and resumed": partial(_stopped, settings.tiny, options, folder / "stopped"),
        "killed by SIGKILL and resumed": partial(_killed, settings, variant, folder / "killed"),
    }
    expected = _run(settings.tiny, options, folder / "whole")
    for way, training_again in ways.items():
        ended = report.attempt(f"{variant}, {way}", training_again)
        if ended is None:
            continue
        same = ended.digest == expected.digest
        report.append("trainings", {"variant": variant, "way": way, "same_bits": same, **ended._asdict()})
        if same:
            report.say(f"{variant}, {way}: the same weights and logits, bit for bit")
        else:
            report.fail(f"{variant}, {way}: other weights or logits")


def make(tiny: bool) -> FinetuningTask:
    """A classifier with dropout on texts of TREC's lengths, evaluated after each epoch."""
    return training.classifier(speed.TINY_SHAPE if tiny else speed.SHAPE, STEPS, lr=1e-4, evaluate_every=None)


def _run(tiny: bool, options: StepOptions, path: Path) -> Ended:
    """Train to the end, from the checkpoint ``path`` if it is there."""
    task = make(tiny)
    saved = checkpoint.load(path, training.KEY)
    training.trained(task, path, options)
    return Ended(training.digest(task), saved[1]["step"] if saved else 0)


def _end(number: int, tiny: bool, options: StepOptions, path: Path) -> None:
    """Train until step `STOPPED`, at which this process gets the signal ``number``."""
    task: Any = make(tiny)
    reached = task.reached

    def ending(step: int, check: Callable[[], None]) -> None:
        if step == STOPPED:
            os.kill(os.getpid(), number)
        reached(step, check)

    task.reached = ending
    training.trained(task, path, options)


def _stopped(tiny: bool, options: StepOptions, path: Path) -> Ended:
    with contextlib.suppress(loop.Stopped):
        _end(signal.SIGTERM, tiny, options, path)
    return _run(tiny, options, path)


def _killed(settings: Settings, variant: str, path: Path) -> Ended:
    command = [sys.executable, "-m", "gpu.reproducible", str(path)]
    command += ["--variant", variant, "--threads", str(settings.threads), *(["--tiny"] if settings.tiny else [])]
    done = subprocess.run(command, env=os.environ | {loop.SAVE_STEPS: str(SAVED)}, check=False)
    assert done.returncode == -signal.SIGKILL, f"the training ended with status {done.returncode}"
    return _run(settings.tiny, training.OPTIONS[variant], path)


def main() -> None:
    """Train until SIGKILL."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--variant", choices=training.OPTIONS, default="eager")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    devices.prepare(options.threads)
    _end(signal.SIGKILL, options.tiny, training.OPTIONS[options.variant], options.checkpoint)


if __name__ == "__main__":
    main()
