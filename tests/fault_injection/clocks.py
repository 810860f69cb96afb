"""Clock changes: modification times in the future and long ago, before, during and after a run."""

from __future__ import annotations

import os
import random
from pathlib import Path

from .copies import Copy, differences, remove

DAY = 24 * 3600


def inject(undisturbed: Copy, folder: Path, part: list[str], seed: int) -> tuple[str, list[str]]:
    """Set the clock back a day in the middle of a run, then change times of single files.

    ``part``: outputs that are missing at the first change.
    """
    draw = random.Random(seed)
    copy, wrong = Copy.of(undisturbed, folder), []
    expected = undisturbed.outputs()

    def check(jump: str, nothing_to_do: bool) -> None:
        printed = copy.recover()
        if nothing_to_do and "Nothing to be done" not in printed:
            wrong.append(f"{jump}: something is run again for a time alone")
        wrong.extend(f"{jump}: {difference}" for difference in differences(expected, copy.outputs()))

    remove(copy, part)
    for path in _files(copy):
        _shift(path, DAY)
    check("clock back a day", False)
    check("clock back a day, again", True)
    for path in sorted(_files(copy)):
        _shift(path, draw.choice((-400 * DAY, -DAY, 0, DAY)))
    check("single files", True)
    for path in _files(copy):
        os.utime(path, (0, 0))
    check("1970", True)
    if copy.repaired != 1:
        wrong.append(f"verify.py was asked for {copy.repaired} times, where the first jump alone needs it")
    return f"4 jumps ({len(_files(copy))} files)", wrong


def _files(copy: Copy) -> list[Path]:
    return [path for path in copy.results.rglob("*") if path.is_file()]


def _shift(path: Path, seconds: float) -> None:
    moment = max(0.0, path.stat().st_mtime + seconds)
    os.utime(path, (moment, moment))
