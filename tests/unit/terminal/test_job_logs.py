"""What is read of logs: how far a job is, and why one has failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.runtime import progress
from bertfit.terminal import job_logs
from bertfit.terminal.job_logs import StepsDone

TRACEBACK = "Traceback (most recent call last):\n  File\nZeroDivisionError: zero\n"
LINE = "10:00:20 seed 1: step 14 of 30, loss 0.5000, lr 0.0001, 200 tokens/s, 0:48 left\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "job.log"


def test_steps_are_those_of_the_last_line_that_says_them(log: Path) -> None:
    assert job_logs.steps(log) is None
    log.write_text("10:00:00 begun\n")
    assert job_logs.steps(log) is None
    log.write_text("x" * 20_000 + "\n" + LINE.replace("14", "7") + LINE + "10:00:21 seed 1, step 15, epoch 1\n")
    assert job_logs.steps(log) == StepsDone(14, 30, "0:48")
    log.write_text("seed 1: step 14 of 30, evaluating for 0:18\n")
    assert job_logs.steps(log) == StepsDone(14, 30, "")


def test_the_file_of_steps_comes_first(log: Path) -> None:
    log.write_text(LINE)
    progress.file_of(log).write_text("seed 1: step 20 of 30, 0:20 left\n")
    found = job_logs.steps(log)
    assert found == StepsDone(20, 30, "0:20") and found.share == 20 / 30
    assert StepsDone(3, 0, "").share == 1


@pytest.mark.parametrize(
    ("content", "exception", "reason"),
    [
        ("10:00:00 begun\nerror: a.csv:3: no label; add one\n", "", "a.csv:3: no label; add one"),
        ("error: first\nerror: two\n  lines\n", "", "two lines"),
        (f"10:00:00 failed\n{TRACEBACK}", "RuleException", "ZeroDivisionError: zero (the log has the details)"),
        ("10:00:00 step\n", "Command 'python x' died with <Signals.SIGKILL: 9>.", job_logs.KILLED["SIGKILL"]),
        ("", "Command 'python x' died with <Signals.SIGSEGV: 11>.", "it was ended by SIGSEGV"),
        ("", "MissingOutput\nOutputs are missing\n", "Outputs are missing (the log has the details)"),
        ("", "", "it has not said why"),
    ],
)  # fmt: skip
def test_why_a_job_has_failed(log: Path, content: str, exception: str, reason: str) -> None:
    log.write_text(content)
    assert job_logs.failure([log], exception) == reason


def test_a_job_without_a_log(log: Path) -> None:
    assert job_logs.failure([log], "") == "it has not said why"
