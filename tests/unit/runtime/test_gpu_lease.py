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
    monkeypatch.delenv(gpu_lease.MEMORY_SHARE, raising=False)
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


def test_three_jobs_share_a_gpu_and_a_fourth_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    three, leave, shares = FORK.Barrier(4), FORK.Event(), FORK.SimpleQueue()

    def work(number: int) -> None:
        with gpu_lease.gpus(1, jobs_per_gpu=3, locks=tmp_path) as gpus:
            shares.put((gpus, os.environ[gpu_lease.MEMORY_SHARE]))
            three.wait(TIMEOUT)  # three jobs and the test
            assert leave.wait(TIMEOUT)

    def fourth(number: int) -> None:
        with gpu_lease.gpus(1, jobs_per_gpu=3, locks=tmp_path):
            assert leave.is_set(), "a share was free while three jobs held all"

    first = started(3, work)
    three.wait(TIMEOUT)
    last = started(1, fourth)
    last[0].join(0.3)
    assert last[0].is_alive()
    leave.set()
    assert ended([*first, *last]) == [0] * 4
    assert [shares.get() for _ in range(3)] == [(["0"], str(1 / 3))] * 3


def test_a_job_of_a_whole_gpu_waits_until_all_shares_are_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    inside, started_order = FORK.SimpleQueue(), FORK.SimpleQueue()
    leave = [FORK.Event(), FORK.Event()]

    def work(number: int) -> None:
        with gpu_lease.gpus(1, jobs_per_gpu=3, locks=tmp_path):
            inside.put(number)
            assert leave[number].wait(TIMEOUT)
            started_order.put(f"share {number} ends")

    def whole(number: int) -> None:
        with gpu_lease.gpus(3, jobs_per_gpu=3, locks=tmp_path) as gpus:
            started_order.put("whole begins")
            assert gpus == ["0"] and gpu_lease.MEMORY_SHARE not in os.environ

    small = started(2, work)
    assert {inside.get(), inside.get()} == {0, 1}
    large = started(1, whole)
    leave[0].set()
    assert ended(small[:1]) == [0]
    large[0].join(0.3)
    assert large[0].is_alive(), "one share is still in use"
    leave[1].set()
    assert ended([*small, *large]) == [0] * 3
    assert [started_order.get() for _ in range(3)] == ["share 0 ends", "share 1 ends", "whole begins"]


def test_a_killed_job_frees_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    held = FORK.SimpleQueue()

    def work(number: int) -> None:
        with gpu_lease.gpus(1, jobs_per_gpu=2, locks=tmp_path):
            held.put(number)
            signal.pause()

    processes = started(2, work)
    assert {held.get(), held.get()} == {0, 1}
    later = started(1, work)
    later[0].join(0.3)
    assert later[0].is_alive() and held.empty(), "both shares are in use"
    os.kill(processes[0].pid, signal.SIGKILL)
    assert held.get() == 0, "the third job has begun"
    for process in (*processes, *later):
        process.kill()
        process.join(TIMEOUT)


@pytest.mark.parametrize(("gpu", "jobs_per_gpu", "share"), [(1, 4, 0.25), (1, 1, 1.0), (2, 2, 1.0), (0, 4, 1.0)])
def test_share_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: int, jobs_per_gpu: int, share: float
) -> None:
    monkeypatch.setenv(gpu_lease.MEMORY_SHARE, "0.5")  # of an earlier job of this process
    with gpu_lease.gpus(gpu, jobs_per_gpu, locks=tmp_path):
        assert gpu_lease.memory_share(os.environ) == share


def test_the_log_says_how_jobs_share_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    pipes = tmp_path / "pipes"
    pipes.mkdir()
    monkeypatch.setenv(gpu_lease.MPS_PIPES, str(pipes))
    for control, expected in (
        (False, "shared by up to 3 jobs, whose kernels take turns: NVIDIA's MPS does not run"),
        (True, "shared by up to 3 jobs, whose kernels run side by side (MPS)"),
    ):
        if control:
            os.mkfifo(pipes / "control")
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
        caplog.clear()
        with gpu_lease.gpus(1, jobs_per_gpu=3, locks=tmp_path):
            assert expected in caplog.text and "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE" not in os.environ
    caplog.clear()
    with gpu_lease.gpus(1, locks=tmp_path):
        assert "shared" not in caplog.text


def test_mps_is_looked_for_where_cuda_does(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default/control").touch()
    assert gpu_lease.mps_runs({}, default=tmp_path / "default")
    assert not gpu_lease.mps_runs({gpu_lease.MPS_PIPES: str(tmp_path / "other")}, default=tmp_path / "default")


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
