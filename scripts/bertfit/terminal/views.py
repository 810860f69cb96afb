"""Two ways to show a run: one line that moves on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from bertfit.core import formatting
from bertfit.terminal.job_logs import StepsDone

if TYPE_CHECKING:
    from rich.progress import Progress

QUIET_SECONDS = 60.0  # without a plain line, after which one says what is running


@dataclass(frozen=True)
class RunningJob:
    """A job that runs: what it does in words, and how far it is (None: it does not say)."""

    words: str
    steps: StepsDone | None

    def __str__(self) -> str:
        if self.steps is None:
            return self.words
        left = f", {self.steps.left} left" if self.steps.left else ""
        return f"{self.words}: step {self.steps.done:,} of {self.steps.total:,}{left}"


@dataclass(frozen=True)
class RunState:
    """Jobs that are done, of all that are to run, and those that run, the longest-running first."""

    done: int
    total: int
    running: list[RunningJob]

    @property
    def share(self) -> float:
        """Jobs that are done, with the shares of those that run."""
        return self.done + sum(job.steps.share for job in self.running if job.steps)

    def __str__(self) -> str:
        """The job that says most, and how many others there are."""
        if not self.running:
            return ""
        job = next((job for job in self.running if job.steps), self.running[0])
        others = len(self.running) - 1
        return f"{job}, and {others} more" if others else str(job)


class View(Protocol):
    """Shows a run. Its methods are called by one thread at a time."""

    def start(self) -> None:
        """The first job is about to start."""

    def show(self, state: RunState) -> None:
        """Show the state, which may be the same as before."""

    def finished(self, words: str, seconds: float, state: RunState) -> None:
        """A job has ended well."""

    def line(self, text: str) -> None:
        """Write a line that stays."""

    def stop(self) -> None:
        """Leave the terminal as it was."""


class PlainView:
    """Lines that stay: one for each finished job, and one a minute while none finishes."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._last = clock()

    def start(self) -> None:
        """The next line follows after a minute at most."""
        self._last = self._clock()

    def show(self, state: RunState) -> None:
        """Say what runs, if nothing was said for a minute."""
        if state.running and self._clock() - self._last >= QUIET_SECONDS:
            self.line(f"{_count(state)} {state}")

    def finished(self, words: str, seconds: float, state: RunState) -> None:
        """Say what was done, and how long it took."""
        self.line(f"{_count(state)} {words}: {formatting.duration(seconds)}")

    def line(self, text: str) -> None:
        """Write a line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()
        self._last = self._clock()

    def stop(self) -> None:
        """Nothing is to be removed."""


def _count(state: RunState) -> str:
    return f"[{state.done:>{len(str(state.total))}}/{state.total}]"


class LiveView:
    """One line at the foot of a terminal, made by rich, which is imported at the start (it takes 0.1 s)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._progress: Progress | None = None

    def start(self) -> None:
        """Show the line."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[count]}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=Console(file=self._stream, highlight=False),
            transient=True,
            refresh_per_second=4,
        )
        self._task = self._progress.add_task("", total=None, count="")
        self._progress.start()

    def show(self, state: RunState) -> None:
        """Move the line."""
        if self._progress:
            self._progress.update(
                self._task,
                completed=state.share,
                total=max(state.total, 1),
                description=str(state),
                count=f"{state.done} of {state.total} jobs",
            )

    def finished(self, words: str, seconds: float, state: RunState) -> None:
        """Move the line."""
        self.show(state)

    def line(self, text: str) -> None:
        """Write a line, above the one that moves."""
        if self._progress:
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def stop(self) -> None:
        """Remove the line."""
        if self._progress:
            self._progress.stop()
            self._progress = None
