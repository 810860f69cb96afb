"""Forwards a cluster's signals to the training processes of a job.

Slurm signals the process that it started, Snakemake; the training is a grandchild of that.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil


def pass_on(number: signal.Signals = signal.SIGUSR1) -> None:
    """Install a handler that forwards ``number`` to the descendants that handle it; it would kill the others."""
    signal.signal(number, _forward)


def _forward(number: int, frame: FrameType | None) -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended
            if _handles(process.pid, number):
                process.send_signal(number)


def _handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal (the mask of caught signals in /proc)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:  # it has ended
        return False
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)
