"""What the log of a job says: how far a running one is, and why one has failed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bertfit.runtime import progress

TAIL = 8192  # bytes of a log that are read, from its end
_STEP = re.compile(r"(?:^|: )step (\d+) of (\d+)\b(.*)")
_KILLED = re.compile(r"died with <Signals\.(\w+): \d+>")
KILLED = {"SIGKILL": "it was killed (SIGKILL), most often because the memory did not suffice; close other programs"}
_LEFT = re.compile(r", ([\d:]+) left\b")


@dataclass(frozen=True)
class StepsDone:
    """Steps that a job has done, and the time that its training still takes, as its log says it (empty: unknown)."""

    done: int
    total: int
    left: str

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return min(1.0, self.done / max(self.total, 1))


def steps(log: Path) -> StepsDone | None:
    """How far a job is, by its file of steps or else the last such line of its log; None if neither says it."""
    for path in (progress.file_of(log), log):
        for line in reversed(_tail(path)):
            if match := _STEP.search(line):
                left = _LEFT.search(match[3])
                return StepsDone(int(match[1]), int(match[2]), left[1] if left else "")
    return None


def failure(logs: Iterable[Path], exception: str) -> str:
    """Why a job has failed, in one line: the message of a `UserError`, else the last line of its logs.

    ``exception``: what Snakemake says of it, for a job that was killed and could write nothing.
    """
    lines = [line.strip() for log in logs for line in _tail(log)]
    said = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if said:
        return " ".join([lines[said[-1]].removeprefix("error: "), *lines[said[-1] + 1 :]]).strip()
    if killed := _KILLED.search(exception):
        return KILLED.get(killed[1], f"it was ended by {killed[1]}")
    traceback = any(line.startswith("Traceback ") for line in lines)
    last = next((line for line in reversed(lines if traceback else exception.splitlines()) if line.strip()), "")
    return f"{last} (the log has the details)" if last else "it has not said why"


def _tail(path: Path) -> list[str]:
    """The last lines of a file; none if it cannot be read."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - TAIL))
            return stream.read().decode(errors="replace").splitlines()
    except OSError:
        return []
