"""Lines about long jobs at a steady pace."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bertfit.runtime import progress

LOG = logging.getLogger("bertfit.test")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return messages


def test_a_line_every_twenty_seconds_and_after_the_last_step(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = progress.ProgressLog(LOG, "seed 1", steps=30, clock=clock)
    for step in range(1, 16):  # 3 s and 600 tokens a step: lines at 21, 42 s
        clock.now += 3
        pace.trained(step, 600, 0.5, 1e-4)
    assert lines(caplog) == [
        "seed 1: step 7 of 30, loss 0.5000, lr 0.0001, 200 tokens/s, 1:09 left",
        "seed 1: step 14 of 30, loss 0.5000, lr 0.0001, 200 tokens/s, 0:48 left",
    ]
    for step in range(16, 31):  # now 1 s a step; the speed is that since the last line, what is left that of the whole
        clock.now += 1
        pace.trained(step, 600, 0.25, 0.0)
    assert lines(caplog) == ["seed 1: step 30 of 30, loss 0.2500, lr 0, 533 tokens/s, 0:00 left"]


def test_evaluations_say_that_they_go_on_and_are_no_part_of_the_speed(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pace = progress.ProgressLog(LOG, "seed 1", steps=100, clock=clock)
    clock.now += 10
    pace.trained(1, 1000, 1.0, 1e-4)
    with pace.evaluation():
        for _ in range(5):
            clock.now += 9
            pace.evaluating()
    assert lines(caplog) == [
        "seed 1: step 1 of 100, evaluating for 0:18",
        "seed 1: step 1 of 100, evaluating for 0:45",
    ]
    clock.now += 20
    pace.trained(2, 2000, 1.0, 1e-4)
    # 3000 tokens in 30 s of training; 75 s for two steps, so 98 more take 3675 s
    assert lines(caplog) == ["seed 1: step 2 of 100, loss 1.0000, lr 0.0001, 100 tokens/s, 1:01:15 left"]


def test_a_job_that_goes_on_counts_its_own_steps(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = progress.ProgressLog(LOG, "seed 1", steps=100, step=60, clock=clock)
    clock.now += 40
    pace.trained(80, 400, 1.0, 1e-4)
    assert lines(caplog) == ["seed 1: step 80 of 100, loss 1.0000, lr 0.0001, 10 tokens/s, 0:40 left"]


def test_the_file_of_steps_is_replaced_every_second(clock: Clock, tmp_path: Path) -> None:
    log, states = tmp_path / "job.log", []
    with progress.steps_beside(log):
        pace = progress.ProgressLog(LOG, "seed 1", steps=40, clock=clock)
        for step in range(1, 11):
            clock.now += 0.25
            pace.trained(step, 600, 0.5, 1e-4)
            states.append(progress.file_of(log).read_text())
    assert states == [*4 * ["seed 1: step 1 of 40, 0:10 left\n"], *4 * ["seed 1: step 5 of 40, 0:09 left\n"],
                      *2 * ["seed 1: step 9 of 40, 0:08 left\n"]]  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_training_goes_on_where_the_file_of_steps_cannot_be_written(clock: Clock, tmp_path: Path) -> None:
    with progress.steps_beside(tmp_path / "no folder" / "job.log"):
        progress.ProgressLog(LOG, "seed 1", steps=40, clock=clock).trained(1, 600, 0.5, 1e-4)
    assert not list(tmp_path.iterdir())
