"""When the display shows a run, and when Snakemake's own handler does."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from bertfit.terminal import run_display
from bertfit.terminal.run_display import Answers, RunDisplay
from bertfit.terminal.views import LiveView, PlainView
from helpers.snakemake_records import KeptView, begun, failed, finished, record

START = [
    record("Assuming unrestricted shared filesystem usage."),
    record("Workflow has started!", event="workflow_started"),
    record("Building DAG of jobs..."),
]
STATS = record("Job stats: ...", event="run_info", stats={"total": 1})


class Kept(logging.Handler):
    """Snakemake's handler, which keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class Displayed:
    def __init__(self, *, local: bool = True) -> None:
        self.own, self.view = Kept(), KeptView()
        answers = Answers(
            lambda rule, wildcards: rule,
            local=lambda: local,
            first=lambda: ["first"],
            last=lambda: ["last"],
            logs=lambda: ["x.log"],
        )
        self.display = RunDisplay(self.own, self.view, answers)

    def tell(self, *records: logging.LogRecord) -> None:
        for made in records:
            self.display.handle(made)


def test_a_run_is_shown_from_the_first_lines_to_the_last(tmp_path: Path) -> None:
    shown = Displayed()
    shown.tell(*START, record("careful", logging.WARNING), STATS)
    shown.tell(begun(1, tmp_path / "log"), *finished(1, 1, 1), record("Elapsed time: 1"))
    shown.display.close()
    shown.display.close()
    assert shown.own.messages == ["careful"]
    assert (shown.view.lines[0], shown.view.lines[-1]) == ("first", "last")
    assert shown.view.calls == ["start", "stop"]
    assert sum("jobs done in" in line for line in shown.view.lines) == 1


def test_a_run_that_fails_says_where_all_messages_are(tmp_path: Path) -> None:
    shown = Displayed()
    shown.tell(*START, STATS, begun(1, tmp_path / "log"), *failed(1))
    shown.display.close()
    assert shown.view.lines[-1] == "All messages: x.log" and "last" not in shown.view.lines


def test_jobs_of_a_cluster_are_left_to_snakemake(tmp_path: Path) -> None:
    shown = Displayed(local=False)
    shown.tell(*START, STATS, begun(1, tmp_path / "log"))
    assert len(shown.own.messages) == 5 and not shown.view.lines


def test_a_run_without_jobs_has_its_closing_lines() -> None:
    shown = Displayed()
    shown.tell(*START, record("Nothing to be done (all requested files are present and up to date)."))
    shown.display.close()
    assert shown.own.messages == ["Nothing to be done (all requested files are present and up to date)."]
    assert shown.view.lines == ["last"] and not shown.view.calls


def test_a_workflow_that_cannot_start_says_all_that_it_did() -> None:
    shown = Displayed()
    shown.tell(record("before"), *START, record("MissingInputException", logging.ERROR, event="error"), record("after"))
    assert shown.own.messages == ["before", *(made.getMessage() for made in START), "MissingInputException", "after"]


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "term", "kind"), [(True, "xterm", LiveView), (True, "dumb", PlainView), (False, "xterm", PlainView)]
)
def test_the_line_moves_on_a_terminal_alone(
    terminal: bool, term: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    logger, own = logging.Logger("snakemake"), logging.StreamHandler(Stream(terminal))
    own.name = "DefaultStreamHandler"
    logger.addHandler(own)
    display = run_display.attach(logger, SimpleNamespace(dryrun=False), Answers(lambda rule, wildcards: rule))
    assert logger.handlers == [display] and display is not None
    assert isinstance(display._view, kind)
    display.close()


@pytest.mark.parametrize("option", run_display.SNAKEMAKES_OWN)
def test_whoever_asks_for_snakemakes_output_gets_it(option: str) -> None:
    logger, own = logging.Logger("snakemake"), logging.StreamHandler(Stream(True))
    own.name = "DefaultStreamHandler"
    logger.addHandler(own)
    settings = SimpleNamespace(**{option: True})
    assert run_display.attach(logger, settings, Answers(lambda rule, wildcards: rule)) is None
    assert logger.handlers == [own]
    logger.removeHandler(own)
    assert run_display.attach(logger, SimpleNamespace(), Answers(lambda rule, wildcards: rule)) is None, "a plugin's"
