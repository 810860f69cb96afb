"""Log records as Snakemake makes them, and a view that keeps what it is told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bertfit.terminal.views import RunState


def record(message: str = "", level: int = logging.INFO, place: str = "snakemake/dag.py", **values: Any) -> Any:
    made = logging.LogRecord("snakemake.logging", level, f"/site-packages/{place}", 1, message, (), None)
    vars(made).update(values)
    return made


def begun(number: int, log: Path | None, rule: str = "build_corpus") -> Any:
    wildcards = {"corpus": f"c{number}"}
    logs = [str(log)] if log else []
    return record(event="job_info", jobid=number, rule_name=rule, wildcards=wildcards, log=logs)


def finished(number: int, done: int, total: int) -> list[Any]:
    return [record(event="job_finished", job_id=number), record(event="progress", done=done, total=total)]


def failed(number: int, exception: str = "RuleException") -> list[Any]:
    return [
        record(exception, logging.ERROR, event="error"),
        record("Error in rule", logging.ERROR, event="job_error", jobid=number),
    ]


class KeptView:
    """Keeps lines, states and calls."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.states: list[RunState] = []
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def show(self, state: RunState) -> None:
        self.states.append(state)

    def finished(self, words: str, seconds: float, state: RunState) -> None:
        self.lines.append(f"{words}: {seconds:g} s, {state.done} of {state.total}")

    def line(self, text: str) -> None:
        self.lines.append(text)

    def stop(self) -> None:
        self.calls.append("stop")
