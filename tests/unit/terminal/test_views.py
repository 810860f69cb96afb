"""A state in words, plain lines, and the line that moves."""

from __future__ import annotations

import io
import re

from bertfit.terminal.job_logs import StepsDone
from bertfit.terminal.views import LiveView, PlainView, RunningJob, RunState

TRAINING = RunningJob("fine-tuning, rate 1e-4", StepsDone(40, 120, "1:05"))
READING = RunningJob("reading corpus texts", None)
STATE = RunState(3, 20, [READING, TRAINING])


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def test_a_state_names_the_job_that_says_how_far_it_is() -> None:
    assert str(STATE) == "fine-tuning, rate 1e-4: step 40 of 120, 1:05 left, and 1 more"
    assert str(RunState(3, 20, [READING])) == "reading corpus texts"
    assert str(RunState(3, 20, [])) == ""
    assert str(RunningJob("pre-training", StepsDone(1000, 12_000, ""))) == "pre-training: step 1,000 of 12,000"
    assert STATE.share == 3 + 40 / 120


def test_plain_lines_for_finished_jobs_and_one_a_minute_between() -> None:
    now, stream = [0.0], io.StringIO()
    view = PlainView(stream, lambda: now[0])
    view.start()
    for second in range(1, 150):
        now[0] = float(second)
        view.show(STATE)
        if second == 100:
            view.finished("reading corpus texts", 65.0, RunState(4, 20, [TRAINING]))
    view.stop()
    assert stream.getvalue().splitlines() == [
        f"[ 3/20] {STATE}",
        "[ 4/20] reading corpus texts: 1 min 5 s",
    ]


def test_the_line_moves_and_is_gone_at_the_end(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    terminal = Terminal()
    view = LiveView(terminal)
    view.line("before")
    view.start()
    view.show(STATE)
    view.line("a [line] that stays")
    view.finished("reading corpus texts", 2.0, RunState(4, 20, [TRAINING]))
    view.stop()
    view.stop()
    view.line("after")
    written = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert written.startswith("before\n") and written.endswith("after\n")
    assert "a [line] that stays\n" in written
    assert re.search(r"4 of 20 jobs .* fine-tuning, rate 1e-4: step 40 of 120, 1:05 left", written)
    assert terminal.getvalue().rstrip("after\n").endswith("\x1b[2K"), "the line is erased"
