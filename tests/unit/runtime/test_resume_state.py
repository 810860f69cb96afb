"""Two processes never write one output: the lock beside a job's resume state."""

from __future__ import annotations

import errno
import multiprocessing
import os
import platform
import signal
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.runtime import resume_state
from bertfit.runtime.rule_job import JobFiles, RuleJob, load_main, logged
from conftest import ROOT

FORK = multiprocessing.get_context("fork")
JOB = {"code": "0123", "spec": {"seeds": [1]}}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resume_state, "PATIENCE", 0)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def holder():
    """Starts a process that holds the lock of some results until it is killed."""
    processes = []

    def start(results: Path) -> multiprocessing.Process:
        ready = FORK.Event()

        def hold() -> None:
            with resume_state.held(results, JOB):
                ready.set()
                signal.pause()

        processes.append(FORK.Process(target=hold))
        processes[-1].start()
        assert ready.wait(60)
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.join()


def test_the_second_writer_is_told_of_the_first_and_a_killed_one_is_in_nobodys_way(holder) -> None:
    results = Path("results/paper/encoders/bert")
    first = holder(results)
    message = f"results/paper/encoders/bert is being written by process {first.pid} on {platform.node()}, .*`kill`"
    with pytest.raises(UserError, match=message), resume_state.held(results, JOB):
        pass
    with pytest.raises(UserError), resume_state.held(results, JOB | {"code": "4567"}):
        pass  # other code or values, the same output
    with resume_state.held(Path("results/paper/encoders/other"), JOB):
        pass
    first.kill()
    first.join()
    with resume_state.held(results, JOB) as state:
        assert state == resume_state.folder(results, JOB)
        assert (state.parent / "lock").read_text() == f"process {os.getpid()} on {platform.node()}"
    assert list(Path("results/paper/.state/encoders/bert").iterdir()) == [], "nothing is left"


def test_who_waits_for_a_lock_that_is_removed_makes_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file was opened, then its holder ended: a lock on what is no longer there would keep nobody out."""
    results = Path("results/paper/encoders/bert")
    monkeypatch.setattr(resume_state, "PATIENCE", 1)
    monkeypatch.setattr(resume_state.time, "sleep", lambda _: None)
    lock, locked = resume_state.fcntl.flock, []

    def late(file, how) -> None:
        if not locked:
            Path(file.name).unlink()
        locked.append(file.fileno())
        lock(file, how)

    monkeypatch.setattr(resume_state.fcntl, "flock", late)
    with resume_state.held(results, JOB) as state:
        assert len(locked) == 2 and (state.parent / "lock").exists()


def test_a_file_system_without_locks_gives_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(resume_state.fcntl, "flock", none)
    with resume_state.held(Path("results/paper/encoders/bert"), JOB):
        assert "never run two Snakemakes in one folder" in caplog.text


@pytest.mark.parametrize("stage", ["finetune", "train_on_features", "pretrain_encoder", "multitask_encoder"])
def test_training_scripts_hold_the_lock_before_they_write(holder, stage: str) -> None:
    results = Path(f"results/paper/{stage}")
    first = holder(results)
    job = RuleJob(
        input=JobFiles([]),
        output=JobFiles.of({"model": str(results / "model"), "predictions": str(results / "predictions")}),
        spec=JOB["spec"],
        code=JOB["code"],
        log=Path("log.txt"),
        resources={"gpu": 0},
    )
    with pytest.raises(SystemExit) as stopped:
        logged(load_main(ROOT / f"scripts/{stage}.py"), job)
    assert stopped.value.code == 1
    assert f"error: {results} is being written by process {first.pid}" in Path("log.txt").read_text()
    assert not results.exists()
