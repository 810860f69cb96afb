"""Shows a run of Snakemake on the terminal, in place of Snakemake's own handler, whose log file stays complete.

It is no logger plugin: Snakemake looks for those on Python's path before it reads a Snakefile, and a checkout is not
there. `attach` works wherever the Snakefile does.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bertfit.terminal.shown_run import ShownRun
from bertfit.terminal.views import LiveView, PlainView, View

START = "Assuming unrestricted shared filesystem usage"  # said before the event
NOTHING = "Nothing to be done"
SECONDS = 0.5  # between two looks at the running jobs
SNAKEMAKES_OWN = ("dryrun", "verbose", "quiet", "printshellcmds", "debug_dag")
"""Options of Snakemake that ask for its own output."""


@dataclass(frozen=True)
class Answers:
    """What the display asks the workflow, at the time when it needs the answer.

    ``words``: rule and wildcards -> what the job does; ``local``: whether jobs run on this machine; ``first`` and
    ``last``: lines before the jobs and after success; ``logs``: files with Snakemake's complete log.
    """

    words: Callable[[str, Mapping[str, str]], str]
    local: Callable[[], bool] = lambda: True
    first: Callable[[], Iterable[str]] = tuple
    last: Callable[[], Iterable[str]] = tuple
    logs: Callable[[], Iterable[str]] = tuple


def attach(logger: logging.Logger, settings: Any, answers: Answers) -> RunDisplay | None:
    """Put a display in place of the terminal handler of Snakemake's ``logger``.

    ``settings``: Snakemake's output settings. Returns None, and changes nothing, where the user has asked for
    Snakemake's own output (`SNAKEMAKES_OWN`) or for that of a plugin.
    """
    own = next((handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"), None)
    if not isinstance(own, logging.StreamHandler) or any(getattr(settings, name, None) for name in SNAKEMAKES_OWN):
        return None
    live = own.stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    display = RunDisplay(own, LiveView(own.stream) if live else PlainView(own.stream), answers)
    logger.removeHandler(own)
    logger.addHandler(display)
    return display


class RunDisplay(logging.Handler):
    """Handler of Snakemake's logger. ``own``: Snakemake's handler for the terminal.

    That handler still gets all records outside of runs on this machine: of a workflow that cannot start, of commands
    that run no job, and of a cluster, whose plugin says what happens there.
    """

    def __init__(
        self, own: logging.Handler, view: View, answers: Answers, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._own, self._view, self._answers, self._clock = own, view, answers, clock
        self._held: list[logging.LogRecord] | None = None  # of a workflow that has started, until its jobs are known
        self._run: ShownRun | None = None
        self._closing = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, hold it back, or hand it to Snakemake's handler."""
        event, message = getattr(record, "event", None), record.getMessage()
        if self._run:
            self._run.record(record)
        elif self._held is None and (event == "workflow_started" or message.startswith(START)):
            self._held = [record]
        elif self._held is None:
            self._own.handle(record)
        elif event == "run_info" and self._answers.local():
            self._begin(vars(record)["stats"]["total"])
        elif message.startswith(NOTHING):
            self._held = [record]
            self._release()
            self._write(self._answers.last())
        else:
            self._held.append(record)
            if event == "run_info" or record.levelno >= logging.ERROR:
                self._release()

    def close(self) -> None:
        """End the display, with the last lines of a run. Further calls do nothing."""
        self._closing.set()
        with self.lock or threading.RLock():
            self._release()
            run, self._run = self._run, None
            if run:
                done = run.end()
                self._write(self._answers.last() if done else (f"All messages: {log}" for log in self._answers.logs()))
        super().close()

    def _begin(self, jobs: int) -> None:
        """Write the first lines, and show ``jobs`` jobs from now on."""
        warnings = [record for record in self._held or [] if record.levelno >= logging.WARNING]
        self._held = warnings
        self._release()
        self._write(self._answers.first())
        self._view.start()
        self._run = ShownRun(self._view, jobs, self._answers.words, self._clock)
        threading.Thread(target=self._look, name="display", daemon=True).start()

    def _look(self) -> None:
        """Show the running jobs from time to time; runs in a thread."""
        while not self._closing.wait(SECONDS):
            self.acquire()
            try:
                if self._run:
                    self._run.show()
            finally:
                self.release()

    def _release(self) -> None:
        """Hand the records that were held back to Snakemake's handler."""
        held, self._held = self._held or [], None
        for record in held:
            self._own.handle(record)

    def _write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._view.line(line)
