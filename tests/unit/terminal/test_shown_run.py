"""A run from its records: what is shown meanwhile, and the last lines after success, errors and Ctrl-C."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bertfit.terminal import shown_run
from bertfit.terminal.job_logs import StepsDone
from bertfit.terminal.shown_run import ShownRun
from bertfit.terminal.views import RunningJob
from helpers.snakemake_records import KeptView, begun, failed, finished, record


def words(rule: str, wildcards: Mapping[str, str]) -> str:
    return f"{rule} {wildcards['corpus']}"


class Shown:
    """A run of three jobs that is shown on a view, by a clock."""

    def __init__(self, folder: Path) -> None:
        self.view, self.now = KeptView(), 100.0
        self.run = ShownRun(self.view, 3, words, lambda: self.now)
        self.logs = [folder / f"{number}.log" for number in range(4)]

    def tell(self, *records: Any, seconds: float = 1.0) -> None:
        for made in records:
            self.run.record(made)
        self.now += seconds


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


def test_jobs_run_and_finish(shown: Shown) -> None:
    shown.tell(begun(1, shown.logs[1]), begun(2, shown.logs[2]), seconds=4)
    shown.logs[2].write_text("seed 1: step 5 of 10, 0:09 left\n")
    shown.run.show()
    assert shown.view.states[-1].running == [
        RunningJob("build_corpus c1", None),
        RunningJob("build_corpus c2", StepsDone(5, 10, "0:09")),
    ]
    shown.tell(*finished(1, 1, 3))
    shown.tell(*finished(2, 2, 4))  # a checkpoint has added a job
    shown.tell(begun(0, None, "all"), *finished(0, 4, 4))
    assert shown.view.lines == ["build_corpus c1: 4 s, 1 of 3", "build_corpus c2: 5 s, 2 of 3"]
    assert shown.run.end()
    assert shown.view.lines[2:] == ["4 jobs done in 7 s"] and shown.view.calls == ["stop"]


def test_an_error_is_said_once_and_at_the_end(shown: Shown) -> None:
    shown.tell(begun(1, shown.logs[1]), begun(2, shown.logs[2]))
    for log in shown.logs[1:3]:
        log.write_text("error: a.csv:3: no label; add one\n")
    for _ in range(2):
        shown.tell(*failed(1), record("Trying to restart job 1."), begun(1, shown.logs[1]))
    shown.tell(*failed(1), *failed(2))
    shown.tell(begun(3, shown.logs[3]), *finished(3, 1, 3))
    shown.tell(record("Exiting because a job execution failed. Look below", logging.ERROR))
    shown.tell(record("WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR, event="error"))
    assert not shown.run.end()
    assert shown.view.lines == [
        "build_corpus c1: failed, and is tried again",
        "build_corpus c3: 0 s, 1 of 3",
        "error: a.csv:3: no label; add one",
        f"  in: build_corpus c1; log: {shown.logs[1]}",
        f"  in: build_corpus c2; log: {shown.logs[2]}",
        f"Not finished, 1 of 3 jobs are done. Remove the cause, then give the same command again. {shown_run.KEPT}",
    ]


def test_a_job_that_succeeds_when_tried_again_is_no_error(shown: Shown) -> None:
    shown.tell(begun(1, shown.logs[1]), *failed(1), record("Trying to restart job 1."))
    shown.tell(begun(1, shown.logs[1]), *finished(1, 3, 3))
    assert shown.run.end() and not any("error" in line for line in shown.view.lines)


def test_a_killed_job_says_so(shown: Shown) -> None:
    shown.tell(begun(1, shown.logs[1]), *failed(1, "Command 'x' died with <Signals.SIGKILL: 9>."))
    shown.run.end()
    assert shown.view.lines[0].startswith("error: it was killed (SIGKILL)")


def test_after_ctrl_c_nothing_is_called_an_error(shown: Shown) -> None:
    shown.tell(begun(1, shown.logs[1]), begun(2, shown.logs[2]))
    shown.tell(record("Terminating processes on user request, this might take some time."), *failed(1), *failed(2))
    assert not shown.run.end()
    assert shown.view.lines == [
        f"Stopped, 0 of 3 jobs are done. To go on give the same command again. {shown_run.KEPT}"
    ]


def test_an_error_of_no_job_is_shown(shown: Shown) -> None:
    shown.tell(record("MissingInputException: x", logging.ERROR, event="error"))
    shown.run.end()
    assert shown.view.lines[0] == "MissingInputException: x"


def test_warnings_and_what_others_say_are_shown(shown: Shown) -> None:
    shown.tell(record("Select jobs to execute..."), record("the disk is slow", logging.WARNING))
    shown.tell(record("Job 3 has been submitted", place="snakemake_executor_plugin_slurm/__init__.py"))
    assert shown.view.lines == ["the disk is slow", "Job 3 has been submitted"]
