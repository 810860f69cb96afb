"""Exclusive use of a training job's results folder and GPUs while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bertfit.runtime import gpu_lease, resume_state
from bertfit.runtime.rule_job import RuleJob


@contextmanager
def gpus(job: RuleJob) -> Iterator[None]:
    """Reserve the GPUs of the job's resources; enter before CUDA is initialised (see `gpu_lease.gpus`)."""
    with gpu_lease.gpus(job.resources["gpu"], job.resources.get("jobs_per_gpu", 1)):
        yield


@contextmanager
def training(job: RuleJob, results: Path) -> Iterator[Path]:
    """Yield the folder of the resume state, with exclusive use of the folder ``results`` and of the job's GPUs.

    Raises `UserError` where another process writes there, or there are fewer GPUs than requested.
    """
    with resume_state.exclusive_state_dir(results, job.identity) as state, gpus(job):
        yield state
