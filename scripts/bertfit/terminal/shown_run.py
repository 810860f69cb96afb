"""A run as it is shown: the records that Snakemake logs while jobs run, turned into a state and a few lines."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bertfit.core import formatting
from bertfit.terminal import job_logs
from bertfit.terminal.views import RunningJob, RunState, View

ABORTED = ("Terminating processes on user request", "Will exit after finishing currently running jobs")
RETRIED = re.compile(r"Trying to restart job (\d+)\.")
SUMMARIES = ("Exiting because a job execution failed", "At least one job did not complete successfully")
"""What Snakemake says at the end beside the failures themselves."""
KEPT = "What is finished is kept, and trainings resume from their saved state."


@dataclass(frozen=True)
class _Job:
    """A job that has started: its rule's log files, what it does in words, and when it started, in seconds."""

    logs: list[Path]
    words: str
    start: float


class ShownRun:
    """State of a run. ``words``: rule and wildcards -> what the job does; ``clock`` returns seconds."""

    def __init__(
        self, view: View, jobs: int, words: Callable[[str, Mapping[str, str]], str], clock: Callable[[], float]
    ) -> None:
        self._view, self._words, self._clock = view, words, clock
        self._start, self._done, self._total = clock(), 0, jobs
        self._running: dict[int, _Job] = {}
        self._ended: dict[int, _Job] = {}
        self._failures: dict[int, str] = {}
        self._exceptions: list[str] = []
        self._aborted = False
        self._retries: set[int] = set()  # that were said

    def record(self, record: logging.LogRecord) -> None:
        """Take note of a record, and show what it changes."""
        event, message = getattr(record, "event", None), record.getMessage()
        values = vars(record)
        if event == "job_info":
            logs = [Path(path) for path in values["log"]]
            words = self._words(values["rule_name"], values["wildcards"])
            self._running[values["jobid"]] = _Job(logs, words, self._clock())
        elif event == "job_finished":
            self._finished(values["job_id"])
        elif event == "progress":
            self._done, self._total = values["done"], values["total"]
        elif event == "job_error":
            self._failed(values["jobid"])
        elif event == "error":
            self._exceptions.append(message)
        elif retried := RETRIED.match(message):
            self._retried(int(retried[1]))
        elif message.startswith(ABORTED):
            self._aborted = True
        elif not message.startswith(SUMMARIES) and _is_shown(record):
            self._view.line(message)
        self.show()

    def show(self) -> None:
        """Show the present state."""
        self._view.show(self._state())

    def end(self) -> bool:
        """Remove the line that moves, and write the last lines. Returns whether all jobs were done."""
        self._view.stop()
        missing = self._done < self._total
        for line in self._errors() if missing else [f"{self._total} jobs done in {self._seconds(self._start)}"]:
            self._view.line(line)
        return not missing

    # ------------------------------------------------------------------------------------------ parts

    def _finished(self, number: int) -> None:
        self._failures.pop(number, None)
        self._exceptions.clear()
        job = self._running.pop(number, None)
        self._done += 1
        if job and job.logs:  # a target of the workflow has none, and does nothing
            self._view.finished(job.words, self._clock() - job.start, self._state())

    def _failed(self, number: int) -> None:
        job = self._running.pop(number, None)
        if job and not self._aborted:
            self._ended[number] = job
            self._failures[number] = job_logs.failure(job.logs, "\n".join(self._exceptions[-1:]))

    def _retried(self, number: int) -> None:
        """Snakemake tries a job again. Its reason is said at the end, if it fails for good."""
        self._failures.pop(number, None)
        if number in self._ended and number not in self._retries:
            self._view.line(f"{self._ended[number].words}: failed, and is tried again")
            self._retries.add(number)

    def _state(self) -> RunState:
        jobs = sorted(self._running.values(), key=lambda job: job.start)
        return RunState(self._done, self._total, [self._running_job(job) for job in jobs if job.logs])

    def _running_job(self, job: _Job) -> RunningJob:
        return RunningJob(job.words, job_logs.steps(job.logs[0]))

    def _seconds(self, since: float) -> str:
        return formatting.duration(self._clock() - since)

    def _errors(self) -> Iterator[str]:
        """Each reason once, with the jobs that failed for it; then what to do."""
        reasons: dict[str, list[int]] = {}
        for number, reason in self._failures.items():
            reasons.setdefault(reason, []).append(number)
        for reason, numbers in reasons.items():
            yield f"error: {reason}"
            for number in numbers:
                job = self._ended[number]
                yield f"  in: {job.words}" + "".join(f"; log: {log}" for log in job.logs)
        if not reasons and not self._aborted:
            yield from self._exceptions
        what, cure = ("Stopped", "To go on") if self._aborted else ("Not finished", "Remove the cause, then")
        yield f"{what}, {self._done} of {self._total} jobs are done. {cure} give the same command again. {KEPT}"


def _is_shown(record: logging.LogRecord) -> bool:
    """Whether a record that is about no job is shown: warnings, and what others than Snakemake itself say."""
    return record.levelno >= logging.WARNING or "snakemake" not in Path(record.pathname).parts
