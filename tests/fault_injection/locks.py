"""Two Snakemakes at once: the second is refused, and the lock of a killed one can be removed."""

from __future__ import annotations

import time
from pathlib import Path

from .copies import Copy, Run, differences, remove


def inject(undisturbed: Copy, folder: Path, part: list[str]) -> tuple[str, list[str]]:
    """Start a second Snakemake beside the first; kill the first with all its jobs; start again.

    ``part``: outputs that are missing at the start.
    """
    copy, wrong = Copy.of(undisturbed, folder), []
    remove(copy, part)
    first = Run(copy)
    while first.alive() and "jobid:" not in first.text():
        time.sleep(0.05)
    status, printed = copy.once()
    if not status or "cannot be locked" not in printed:
        wrong.append(f"the second Snakemake is not refused: {printed[-500:]}")
    if not first.alive():
        wrong.append("the first Snakemake ended before the second was refused")
    first.kill_all()
    status, printed = copy.once()
    if not status or "--unlock" not in printed:
        wrong.append(f"after a kill the message names no remedy: {printed[-500:]}")
    copy.recover()
    if copy.unlocked != 1:
        wrong.append(f"unlocked {copy.unlocked} times where 1 was needed")
    return "1 refused, 1 killed and unlocked", wrong + differences(undisturbed.outputs(), copy.outputs())
