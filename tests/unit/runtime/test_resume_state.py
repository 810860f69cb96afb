"""Two processes never write one output: the lock beside a job's resume state."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import platform
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bertfit.config.corpus_schema import Spec
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import BlockSpec, FeatureBlockSpec, MultitaskSpec, PretrainSpec, plain
from bertfit.runtime import resume_state
from bertfit.runtime.rule_job import JobFiles, JobIdentity, RuleJob, load_main, logged
from conftest import ROOT

FORK = multiprocessing.get_context("fork")
JOB = JobIdentity("0123", {"seeds": [1]})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resume_state, "TIMEOUT", 0)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def holder():
    """Starts a process that holds the lock of some results until it is killed."""
    processes = []

    def start(results: Path) -> multiprocessing.Process:
        ready = FORK.Event()

        def hold() -> None:
            with resume_state.exclusive_state_dir(results, JOB):
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
    with pytest.raises(UserError, match=message), resume_state.exclusive_state_dir(results, JOB):
        pass
    with pytest.raises(UserError), resume_state.exclusive_state_dir(results, replace(JOB, code="4567")):
        pass  # other code or values, the same output
    with resume_state.exclusive_state_dir(Path("results/paper/encoders/other"), JOB):
        pass
    first.kill()
    first.join()
    with resume_state.exclusive_state_dir(results, JOB) as state:
        assert state == resume_state.folder(results, JOB)
        assert (state.parent / "lock").read_text() == f"process {os.getpid()} on {platform.node()}"
    assert list(Path("results/paper/.state/encoders/bert").iterdir()) == [], "nothing is left"


@pytest.mark.parametrize("remove", [os.unlink, lambda path: os.rename(path, f"{path}.nfs0001")], ids=["local", "NFS"])
def test_who_waits_for_a_lock_that_is_removed_makes_a_new_one(
    monkeypatch: pytest.MonkeyPatch, remove: Callable[[str], None]
) -> None:
    """The file was opened, then its holder ended: a lock on what is no longer there would keep nobody out.

    NFS renames a file that is removed while a process of the same machine has it open.
    """
    results = Path("results/paper/encoders/bert")
    monkeypatch.setattr(resume_state, "TIMEOUT", 1)
    monkeypatch.setattr(resume_state, "PAUSE", 0.0)
    lock, locked = fcntl.flock, []

    def late(file: int, how: int) -> None:
        if not how & fcntl.LOCK_UN:
            if not locked:
                remove(os.readlink(f"/proc/self/fd/{file}"))
            locked.append(file)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with resume_state.exclusive_state_dir(results, JOB) as state:
        assert len(locked) == 2 and (state.parent / "lock").read_text() == f"process {os.getpid()} on {platform.node()}"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_gives_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", none)
    with resume_state.exclusive_state_dir(Path("results/paper/encoders/bert"), JOB) as state:
        assert "never run two Snakemakes in one folder" in caplog.text
    assert list(state.parent.iterdir()) == [], "no lock is left that a killed process would not let go"


def test_other_errors_of_the_file_system_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", broken)
    with (
        pytest.raises(OSError, match="Input/output"),
        resume_state.exclusive_state_dir(Path("results/paper/encoders/bert"), JOB),
    ):
        pass


RUN = {"corpus": "imdb", "encoder": "mini", "recipe": Finetune(), "seeds": [1]}
MULTITASK = {"encoder": "mini~mt-two.s1", "multitask": {"corpora": ["imdb", "ag"]}, "recipe": Finetune()}
PRETRAINING = {"encoder": "mini~imdb@300.s1", "mix": "imdb", "texts": ["imdb.train.txt"], "pretrain": Pretrain(),
               "seed": 1, "shape": None, "saves": {}}  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "spec"),
    [
        ("finetune", BlockSpec(**RUN)),
        ("train_on_features", FeatureBlockSpec(**RUN, cache_mb=1)),
        ("pretrain_encoder", PretrainSpec(**PRETRAINING)),
        ("multitask_encoder", MultitaskSpec(**MULTITASK)),
    ],
)
def test_training_scripts_hold_the_lock_before_they_write(holder, stage: str, spec: Spec) -> None:
    results = Path(f"results/paper/{stage}")
    first = holder(results)
    job = RuleJob(
        input=JobFiles([]),
        output=JobFiles.of({"model": str(results / "model"), "predictions": str(results / "predictions")}),
        spec=plain(spec),
        code=JOB.code,
        log=Path("log.txt"),
        resources={"gpu": 0},
    )
    with pytest.raises(SystemExit) as stopped:
        logged(load_main(ROOT / f"scripts/{stage}.py"), job)
    assert stopped.value.code == 1
    assert f"error: {results} is being written by process {first.pid}" in Path("log.txt").read_text()
    assert not results.exists()
