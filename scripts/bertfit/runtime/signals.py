"""What a cluster tells a job reaches the training in it.

Slurm signals the process that it started, which is Snakemake; the training is a child of a child of that.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil


def pass_on(number: signal.Signals = signal.SIGUSR1) -> None:
    """From now on, hand ``number`` to every process below this one that listens to it; the others would die of it."""
    signal.signal(number, _hand_down)


def _hand_down(number: int, frame: FrameType | None) -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if _listens(process.pid, number):
                process.send_signal(number)


def _listens(pid: int, number: int) -> bool:
    """Whether a process has a handler of its own (the mask of caught signals in /proc)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:  # it has ended
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)
