"""What a training job holds for itself alone while it runs: its results and its GPUs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bertfit.runtime import gpu_lease, resume_state
from bertfit.runtime.rule_job import RuleJob


@contextmanager
def gpus(job: RuleJob) -> Iterator[None]:
    """Hold as many GPUs as the job's resources ask for; to be entered before CUDA starts (see `gpu_lease.gpus`)."""
    with gpu_lease.gpus(job.resources["gpu"], job.resources.get("jobs_per_gpu", 1)):
        yield


@contextmanager
def training(job: RuleJob, results: Path) -> Iterator[Path]:
    """Be the only process that writes into the folder ``results``, with GPUs of its own; yields the resume state.

    Raises `UserError` where another process writes there, or there are fewer GPUs than asked for.
    """
    with resume_state.held(results, job.identity) as state, gpus(job):
        yield state
