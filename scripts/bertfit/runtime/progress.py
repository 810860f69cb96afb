"""Progress of a long job: log lines at a fixed interval with step, loss, speed and remaining time.

A small file beside the log has the present step, replaced every second, for who watches the job (`terminal`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bertfit.core.formatting import clock

SECONDS = 20.0
"""Between two log lines."""
FILE_SECONDS = 1.0
"""Between two states of the file of steps."""
_steps_file: Path | None = None  # of the running job


def file_of(log: Path) -> Path:
    """The file of steps of the job that writes ``log``. It is there while a training runs."""
    return log.with_suffix(".steps")


@contextmanager
def steps_beside(log: Path) -> Iterator[None]:
    """Trainings within the block keep the file of steps of ``log``, which is removed at the end."""
    global _steps_file
    before, file = _steps_file, file_of(log)
    _steps_file = file
    try:
        yield
    finally:
        _steps_file = before
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _write_steps(line: str) -> None:
    """Replace the content of the file of steps, if there is one. A full disk leaves it as it is."""
    if _steps_file:
        temporary = _steps_file.with_name(f".{_steps_file.name}.{os.getpid()}")
        with suppress(OSError):
            temporary.write_text(f"{line}\n", encoding="utf-8")
            temporary.replace(_steps_file)


class ProgressLog:
    """Log lines of one training.

    Tokens/s are measured since the previous line, without evaluations; the remaining time is extrapolated from the
    whole training so far, with evaluations.
    """

    def __init__(
        self,
        log: logging.Logger,
        name: str,
        *,
        steps: int,
        step: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``step``: completed steps of ``steps``; ``clock`` returns seconds."""
        self._log, self._name, self._steps, self._clock = log, name, steps, clock
        self._first_step, self._step = step, step
        self._start = self._last_line = self._interval_start = self._evaluation_start = clock()
        self._last_file = self._start - FILE_SECONDS
        self._tokens, self._evaluation_seconds = 0, 0.0

    def trained(self, step: int, tokens: int, loss: float, lr: float) -> None:
        """Record step number ``step``, of ``tokens`` tokens; log a line when one is due, and after the last step."""
        self._step = step
        self._tokens += tokens
        now = self._clock()
        left = (self._steps - step) * (now - self._start) / (step - self._first_step)
        if now - self._last_file >= FILE_SECONDS:
            _write_steps(f"{self._name}: step {step} of {self._steps}, {clock(left)} left")
            self._last_file = now
        if now - self._last_line < SECONDS and step < self._steps:
            return
        speed = self._tokens / max(now - self._interval_start - self._evaluation_seconds, 1e-9)
        self._log.info(
            "%s: step %d of %d, loss %.4f, lr %.3g, %.0f tokens/s, %s left",
            self._name, step, self._steps, loss, lr, speed, clock(left),
            extra={"curves": self._name, "step": step, "scalars": {"loss": loss, "lr": lr, "tokens_per_second": speed}},
        )  # fmt: skip
        self._last_line = self._interval_start = now
        self._tokens, self._evaluation_seconds = 0, 0.0

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Exclude the time of the block, an evaluation, from the training speed."""
        self._evaluation_start = self._clock()
        try:
            yield
        finally:
            self._evaluation_seconds += self._clock() - self._evaluation_start

    def evaluating(self) -> None:
        """Log that an evaluation is running, when a line is due."""
        now = self._clock()
        if now - self._last_line >= SECONDS:
            self._log.info(
                "%s: step %d of %d, evaluating for %s",
                self._name, self._step, self._steps, clock(now - self._evaluation_start),
            )  # fmt: skip
            self._last_line = now
