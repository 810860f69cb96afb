"""GPUs are handed out without a GPU: names in CUDA_VISIBLE_DEVICES, real processes, real locks."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.runtime import gpu_lease

FORK = multiprocessing.get_context("fork")
TIMEOUT = 60  # seconds, of a test that hangs


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(gpu_lease, "PAUSE", 0.01)


def started(count: int, work: Callable[[int], None]) -> list:
    processes = [FORK.Process(target=work, args=(number,)) for number in range(count)]
    for process in processes:
        process.start()
    return processes


def ended(processes: list) -> list[int | None]:
    for process in processes:
        process.join(TIMEOUT)
    return [process.exitcode for process in processes]


class Alone:
    """Claims GPUs for a process: a second claim of one of them fails, which ends the process with status 1."""

    def __init__(self, folder: Path, gpus: list[str]) -> None:
        self.files = [folder / f"in-use-{gpu}" for gpu in gpus]

    def __enter__(self) -> None:
        for file in self.files:
            file.touch(exist_ok=False)

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.unlink()


def test_sixteen_jobs_share_four_gpus_one_at_a_time_and_use_all(tmp_path: Path) -> None:
    four, used = FORK.Barrier(4), FORK.SimpleQueue()

    def work(number: int) -> None:
        with gpu_lease.gpus(1, locks=tmp_path) as gpus, Alone(tmp_path, gpus):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == gpus[0] and len(gpus) == 1
            four.wait(TIMEOUT)  # holds until four hold at once
            used.put(gpus[0])

    assert ended(started(16, work)) == [0] * 16
    assert Counter(used.get() for _ in range(16)) == {"0": 4, "1": 4, "2": 4, "3": 4}


def test_jobs_of_two_and_of_one_gpu_do_not_wait_for_each_other_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")

    def work(number: int) -> None:
        for _ in range(5):
            os.environ["CUDA_VISIBLE_DEVICES"] = "0,1,2"
            with gpu_lease.gpus(1 + number % 2, locks=tmp_path) as gpus, Alone(tmp_path, gpus):
                assert len(set(gpus)) == 1 + number % 2

    assert ended(started(8, work)) == [0] * 8


def test_a_killed_job_frees_its_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "a,b")
    held = FORK.SimpleQueue()

    def work(number: int) -> None:
        with gpu_lease.gpus(1, locks=tmp_path) as gpus:
            held.put((os.getpid(), gpus))
            signal.pause()

    processes = started(2, work)
    holders = dict(held.get() for _ in range(2))
    assert sorted(holders.values()) == [["a"], ["b"]]
    victim = processes[0]
    os.kill(victim.pid, signal.SIGKILL)
    victim.join(TIMEOUT)
    with gpu_lease.gpus(1, locks=tmp_path) as gpus:
        assert gpus == holders[victim.pid]
    processes[1].kill()
    processes[1].join(TIMEOUT)


def test_small_jobs_share_a_gpu_and_a_large_one_has_whole_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def take(gpu: int) -> list[str]:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
        held.append(gpu_lease.gpus(gpu, jobs_per_gpu=2, locks=tmp_path))
        return held[-1].__enter__()

    assert take(1) == ["0"]
    assert take(4) == ["1", "2"], "two whole GPUs, four parts"
    assert take(1) == ["0"], "the second part of the first"
    held[0].__exit__(None, None, None)
    assert take(1) == ["0"], "given back"


def test_gpus_that_a_scheduler_gave_are_taken_without_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs of a node with device walls both see a GPU 0, and these are two GPUs."""
    monkeypatch.setenv("PBS_JOBID", "1.server")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with gpu_lease.gpus(1, locks=tmp_path), gpu_lease.gpus(1, locks=tmp_path) as gpus:
        assert gpus == ["0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8f,MIG-1/7/0")
    with gpu_lease.gpus(2, locks=tmp_path) as gpus:
        assert gpus == ["GPU-8f", "MIG-1/7/0"] and os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-8f,MIG-1/7/0"


def test_several_mig_instances_of_a_job_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for count, told in ((1, 0), (2, 1)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-1,MIG-2")
        with gpu_lease.gpus(count, locks=tmp_path) as gpus:
            assert len(gpus) == count
        assert caplog.text.count("uses one MIG instance") == told


def test_locks_of_one_slurm_job_are_not_those_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for job in ("7", "8"):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        held = gpu_lease.gpus(1, locks=tmp_path)
        taken.append((held, held.__enter__()))
    assert [gpus for _, gpus in taken] == [["0"], ["0"]]


def test_no_gpu_asked_for_hides_all(tmp_path: Path) -> None:
    with gpu_lease.gpus(0, locks=tmp_path) as gpus:
        assert gpus == [] and os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("listed", "here"), [("0,1", "2: 0, 1"), ("", "0: none"), ("-1", "0: none")])
def test_more_gpus_than_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, here: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    with (
        pytest.raises(UserError, match=f"asks for 3 GPUs .resource gpu., and may use {here}; lower"),
        gpu_lease.gpus(3),
    ):
        pass
