"""The log of a job: what goes there, errors of the user as one line, and all as it was afterwards."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

import pytest

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.runtime import job_log, progress


def test_a_full_disk_is_said_where_the_log_has_no_room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, OSError)), job_log.to("/dev/full"), files.atomic(tmp_path / "out") as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_text("x")
    assert "out: cannot be written (No space left on device); free some space and run again" in capsys.readouterr().err


def test_output_and_messages_go_to_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr, logging.getLogger().level, list(logging.getLogger().handlers)
    with job_log.to(str(tmp_path / "job.log")):
        print("printed")
        print("complained", file=sys.stderr)
        logging.getLogger("bertfit.test").info("logged")
    lines = (tmp_path / "job.log").read_text().splitlines()
    assert lines[:2] == ["printed", "complained"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d logged", lines[2])
    assert before == (sys.stdout, sys.stderr, logging.getLogger().level, logging.getLogger().handlers)
    assert capsys.readouterr() == ("", "")


def test_an_error_of_the_user_is_one_line_and_status_1(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught, job_log.to(str(tmp_path / "job.log")):
        raise UserError("a.csv:3: no label; add one")
    assert caught.value.code == 1
    assert (tmp_path / "job.log").read_text() == "error: a.csv:3: no label; add one\n"


def test_ctrl_c_leaves_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, job_log.to(str(tmp_path / "job.log")):
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert (tmp_path / "job.log").read_text() == "interrupted\n"
    assert capsys.readouterr() == ("", "")


def test_a_file_of_steps_is_there_while_the_job_runs(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    with job_log.to(str(log)):
        progress.ProgressLog(logging.getLogger(), "seed 1", steps=30).trained(1, 10, 0.5, 1e-4)
        assert progress.file_of(log).read_text().startswith("seed 1: step 1 of 30, ")
    assert [path.name for path in tmp_path.iterdir()] == ["job.log"]


def test_other_errors_have_their_traceback_and_go_on(tmp_path: Path) -> None:
    output = sys.stdout
    with pytest.raises(ZeroDivisionError), job_log.to(str(tmp_path / "job.log")):
        print(1 / 0)
    text = (tmp_path / "job.log").read_text()
    assert "failed\nTraceback (most recent call last):" in text and text.endswith(
        "ZeroDivisionError: division by zero\n"
    )
    assert sys.stdout is output


def test_inputs_of_a_study_are_those_below_the_folder_of_its_logs() -> None:
    files = ["results/tiny/a.csv", "data/b.csv", Path("results/tiny/corpora/c.parquet")]
    assert job_log._results("results/tiny/logs/rule/job.log", files) == [files[0], files[2]]
    assert job_log._results("job.log", files) == files
