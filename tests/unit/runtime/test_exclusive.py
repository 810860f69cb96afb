"""A training job has its results folder and its GPUs alone while it runs."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.runtime import exclusive, gpu_lease, resume_state
from bertfit.runtime.rule_job import JobFiles, RuleJob

RESULTS = Path("results/tiny/encoders/mini")


def job(folder: Path, **resources: int) -> RuleJob:
    values = {"code": "0123", "spec": {"seeds": [1]}, "log": folder / "job.log"}
    return RuleJob(input=JobFiles.of([]), output=JobFiles.of([]), resources=resources, **values)


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Requests for GPUs, and "returned" after each."""
    found: list[object] = []

    @contextmanager
    def gpus(*request: int):
        found.append(request)
        yield
        found.append("returned")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gpu_lease, "gpus", gpus)
    monkeypatch.setattr(resume_state, "TIMEOUT", 0)
    return found


def test_gpus_are_asked_for_and_returned(tmp_path: Path, leases: list[object]) -> None:
    with exclusive.gpus(job(tmp_path, gpu=2)):
        assert leases == [(2, 1)]
    with exclusive.gpus(job(tmp_path, gpu=1, jobs_per_gpu=3)):
        pass
    assert leases == [(2, 1), "returned", (1, 3), "returned"]


def test_the_folder_is_reserved_before_the_gpus(tmp_path: Path, leases: list[object]) -> None:
    with exclusive.training(job(tmp_path, gpu=1), RESULTS) as state:
        assert state.parent.is_dir() and leases == [(1, 1)]
        with pytest.raises(UserError), exclusive.training(job(tmp_path, gpu=1), RESULTS):
            raise AssertionError("a second job has begun")
        assert leases == [(1, 1)], "no GPU for the job that may not write"
    assert leases == [(1, 1), "returned"]
