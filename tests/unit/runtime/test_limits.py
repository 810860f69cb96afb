"""What is refused at the start: GPUs that are not there, switches that do not suit a place, jobs no partition takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertfit.core.errors import UserError
from bertfit.runtime import hardware, limits
from bertfit.runtime.limits import GpuRequest, Limits

CPU = 10  # jobs that train nothing ask for as much memory


def request(gpus: int | None = None, model: str | None = None, share: int = 1, limit: int | None = None) -> GpuRequest:
    return GpuRequest(gpus, model, share, limit)


@pytest.mark.parametrize(
    ("asked", "visible", "local", "message"),
    [
        (request(2), "0", True, r"gpus=2: this machine has 1 GPU \(0\); lower it \(1, or 0: on the CPU\)"),
        (request(2), "0", False, "gpus=2: this machine has 1 GPU .*--resources gpu=N says how many"),
        (request(1), "", True, "gpus=1: this machine has no GPU; leave it out, or say gpus=0"),
        (request(3, limit=2), "012", True, r"gpus=3: resource gpu=2 .* allows 2; lower it \(2, or 0"),
        (request(3, share=2, limit=4), "012", True, "gpus=3: resource gpu=4 .* allows 2"),
        (request(1, limit=0), "0", True, "gpus=1: resource gpu=0 .* allows 0; leave it out"),
        (
            request(limit=4),
            "01",
            True,
            r"resource gpu=4 \(--resources or the profile\): this machine has 2 GPUs \(0, 1\)",
        ),
        (request(share=2, limit=3), "0", True, r"gpu=3 .* has 1 GPU \(0\), for 2 jobs each"),
        (request(limit=1), "", True, "gpu=1 .* this machine has no GPU; leave it out"),
        (request(model="h100"), "", True, "gpu_model=h100: this machine has no GPU"),
        (request(share=3), "", True, "jobs_per_gpu=3: this machine has no GPU"),
        (request(model="h100", limit=0), "", False, "gpu_model=h100: resource gpu=0 .* allows 0; leave it out$"),
        (request(0, share=3), "0", True, "jobs_per_gpu=3: with gpus=0 jobs train on the CPU; leave it out$"),
    ],
)
def test_refused(asked: GpuRequest, visible: Sequence[str], local: bool, message: str) -> None:
    with pytest.raises(UserError, match=message):
        asked.check(list(visible), local)


@pytest.mark.parametrize(
    ("asked", "visible", "local"),
    [
        (request(), "", True),
        (request(0), "", True),
        (request(2), "01", True),
        (request(0, limit=0), "", True),
        (request(limit=1), "01", True),
        (request(share=3, limit=6), "01", True),
        (request(2, share=3, limit=4), "01", True),  # shares of two GPUs
        (request(4, model="h100", limit=64), "", False),  # the login node of a cluster
    ],
)
def test_accepted(asked: GpuRequest, visible: Sequence[str], local: bool) -> None:
    asked.check(list(visible), local)


def test_switches_suit_the_place_of_the_jobs() -> None:
    request(model="H100").check_place(local=True, models=["NVIDIA H100 80GB HBM3"])
    request(0).check_place(local=False, models=[])
    request(2, "h100", limit=64).check_place(local=False, models=[])
    with pytest.raises(UserError, match="gpu_model=h100: a cluster .* GPUs are NVIDIA A100; leave it out"):
        request(model="h100").check_place(local=True, models=["NVIDIA A100"])
    with pytest.raises(UserError, match="nothing says how many GPUs they may use; give `resources: {gpu: N}`"):
        request().check_place(local=False, models=["NVIDIA A100"])
    with pytest.raises(UserError, match="jobs_per_gpu=3: on a cluster"):
        request(share=3, limit=64).check_place(local=False, models=[])


def test_limits_are_read_from_snakemakes_resources() -> None:
    given = {"gpu": 4, "runtime": 2880, "_cores": 8}
    assert Limits.of({name: SimpleNamespace(value=value) for name, value in given.items()}) == Limits(4, runtime=2880)
    assert Limits.of({}) == Limits() and Limits.of({}, local=True) == Limits(local=True)


class Job:
    """A job as Snakemake has it, which asks for ``asked``, and for twice the time in its second attempt."""

    def __init__(self, local: bool = False, **asked: Any) -> None:
        self.asked, self.is_local, self.restart_times = {"_cores": 1, **asked}, local, 1
        self.wildcards_dict, self.input = {"encoder": "mini"}, []
        self.rule = SimpleNamespace(name="pretrain_encoder", resources=self.asked, expand_resources=self.expand)

    def expand(self, wildcards: Any, files: Any, attempt: int, skip_evaluation: set[str]) -> dict[str, Any]:
        return self.asked | {"runtime": attempt * self.asked.get("runtime", 0)}


class Partition:
    """As the Slurm plugin has it: takes jobs of up to an hour on no more than two GPUs."""

    name = "short"

    def score_job_fit(self, job: Any) -> float | None:
        assert job.name and job.threads
        return 1.0 if job.resources["runtime"] <= 60 and job.resources.get("gpu", 0) <= 2 else None


def started(*jobs: Job, local: bool = False, partitions: Sequence[Partition] = ()) -> list[str]:
    executor = SimpleNamespace(_partitions=list(partitions))
    workflow = SimpleNamespace(
        dag=SimpleNamespace(needrun_jobs=lambda: iter(jobs)),
        scheduler=SimpleNamespace(_executor=executor),
        executor_settings=None,
        local_exec=local,
    )
    return limits.check_start(workflow, request(limit=64), Path("/nowhere/results"))


def test_a_job_that_no_partition_takes_is_told_with_its_retries() -> None:
    short = [Partition()]
    assert started(Job(gpu=2, runtime=30), Job(local=True, runtime=90), partitions=short) == []
    with pytest.raises(
        UserError, match=r"pretrain_encoder mini: no partition .*\(short\).* attempt 1 .* gpu=4, runtime=30"
    ):
        started(Job(gpu=4, runtime=30), partitions=short)
    with pytest.raises(UserError, match="what attempt 2 asks for: gpu=1, runtime=80, threads=1"):
        started(Job(gpu=1, runtime=40), partitions=short)
    assert started(Job(gpu=4, runtime=900)) == [], "what the partitions take is not said"


def test_more_memory_and_disk_than_there_is_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "memory_mb", lambda: 8000)
    jobs = Job(mem_mb=9000, disk_mb=10), Job(mem_mb=CPU, disk_mb=10**12)
    disk, memory = started(*jobs, local=True)
    assert disk.startswith("pretrain_encoder mini may take 1,000,000,000,000 MB (disk_mb), and ")
    assert memory == "pretrain_encoder mini may take 9,000 MB (mem_mb), and 8,000 MB of main memory are on this machine"
    assert started(*jobs) == [disk], "on a cluster the memory of this machine says nothing"
    assert started(Job(mem_mb="<TBD>", disk_mb="<TBD>"), local=True) == [], "by files that are not there yet"
    assert started(Job(mem_mb=CPU), local=True) == started(local=True) == []
