"""How far a long job is: a line at a steady pace with step, total, loss, speed and the time that is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .columns import clock

SECONDS = 20.0
"""between two lines"""


class Pace:
    """The lines of one training.

    Tokens/s are those since the last such line, evaluations left out; the time that is left is that of the whole
    training so far, evaluations included, from which follows the rest.
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
        """``step`` of ``steps`` are done already; ``clock`` gives seconds."""
        self._log, self._name, self._steps, self._clock = log, name, steps, clock
        self._first, self._step = step, step
        self._began = self._said = self._since = self._paused = clock()
        self._tokens, self._apart = 0, 0.0

    def trained(self, step: int, tokens: int, loss: float, lr: float) -> None:
        """``step`` steps are done, the last of them with ``tokens``: says so if it is time, and after the last."""
        self._step = step
        self._tokens += tokens
        now = self._clock()
        if now - self._said < SECONDS and step < self._steps:
            return
        speed = self._tokens / max(now - self._since - self._apart, 1e-9)
        left = (self._steps - step) * (now - self._began) / (step - self._first)
        self._log.info(
            "%s: step %d of %d, loss %.4f, lr %.3g, %.0f tokens/s, %s left",
            self._name, step, self._steps, loss, lr, speed, clock(left),
            extra={"curves": self._name, "step": step, "scalars": {"loss": loss, "lr": lr, "tokens_per_second": speed}},
        )  # fmt: skip
        self._said = self._since = now
        self._tokens, self._apart = 0, 0.0

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Within the block nothing is trained."""
        self._paused = self._clock()
        try:
            yield
        finally:
            self._apart += self._clock() - self._paused

    def evaluating(self) -> None:
        """An evaluation goes on: says so if it is time."""
        now = self._clock()
        if now - self._said >= SECONDS:
            self._log.info(
                "%s: step %d of %d, evaluating for %s",
                self._name, self._step, self._steps, clock(now - self._paused),
            )  # fmt: skip
            self._said = now
