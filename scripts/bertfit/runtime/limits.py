"""What jobs may ask for, and whether switches and jobs ask for more: told when the workflow starts.

Snakemake lowers what a job asks for to the limits of ``--resources`` without a word, and a batch system refuses a job
when it is submitted, perhaps hours after the start.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bertfit.core.errors import UserError
from bertfit.runtime import hardware, slurm_accounting

GIVEN = "--resources or the profile"


@dataclass(frozen=True)
class Limits:
    """What jobs may ask for, as ``--resources`` or a profile says; None: it does not say."""

    gpu: int | None = None
    """of all running jobs together; shares of a GPU where jobs share one"""
    mem_mb: int | None = None
    disk_mb: int | None = None
    runtime: int | None = None
    """minutes of one attempt"""
    local: bool = False
    """jobs run on this machine, where no batch system refuses them: they are given less than they ask for"""

    @classmethod
    def of(cls, given: Mapping[str, Any], local: bool = False) -> Limits:
        """Those among Snakemake's ``workflow.global_resources``."""
        known = {field.name: given[field.name].value for field in fields(cls) if field.name in given}
        return cls(**known, local=local)


@dataclass(frozen=True)
class GpuRequest:
    """What the switches of `bertfit.config.switches` say of GPUs, and the limit of ``--resources`` or a profile."""

    gpus: int | None
    gpu_model: str | None
    jobs_per_gpu: int
    limit: int | None

    def check(self, visible: Sequence[str], local: bool) -> None:
        """Raise `UserError` where there are fewer GPUs than these ask for.

        ``visible``: the GPUs of this machine; ``local``: whether it is certain that jobs run on it.
        """
        here = f"this machine has {_gpus(visible)}"
        if self.limit is None:
            total, there = len(visible), here
            elsewhere = "; where jobs run on a cluster, its profile or --resources gpu=N says how many GPUs there are"
        else:
            if local and self.limit > len(visible) * self.jobs_per_gpu:
                shared = f", for {self.jobs_per_gpu} jobs each" if self.jobs_per_gpu > 1 else ""
                raise UserError(
                    f"resource gpu={self.limit} ({GIVEN}): {here}{shared}; leave it out, and all GPUs of "
                    "this machine are used, or lower it (0: on the CPU)"
                )
            total, elsewhere = math.ceil(self.limit / self.jobs_per_gpu), ""
            there = f"resource gpu={self.limit} ({GIVEN}) allows {total}"
        if self.gpus and self.gpus > total:
            cure = f"lower it ({total}, or 0: on the CPU)" if total else "leave it out, or say gpus=0: on the CPU"
            raise UserError(f"--config gpus={self.gpus}: {there}; {cure}{elsewhere}")
        if self.gpus == 0:
            total, there, elsewhere = 0, "with gpus=0 jobs train on the CPU", ""
        for switch, given in (("gpu_model", self.gpu_model), ("jobs_per_gpu", self.jobs_per_gpu > 1)):
            if given and not total:
                raise UserError(f"--config {switch}={getattr(self, switch)}: {there}; leave it out{elsewhere}")

    def check_place(self, local: bool, models: Sequence[str]) -> None:
        """Raise `UserError` where they do not suit the place of the jobs.

        ``local``: whether that is this machine, whose GPUs have the names ``models``.
        """
        if local and self.gpu_model and not any(self.gpu_model.lower() in model.lower() for model in models):
            raise UserError(
                f"--config gpu_model={self.gpu_model}: a cluster is asked for it, but jobs run on this machine, whose "
                f"GPUs are {', '.join(models) or 'unknown'}; leave it out"
            )
        if not local and self.gpus != 0 and self.limit is None:
            raise UserError(
                "jobs run on a cluster, and nothing says how many GPUs they may use; give `resources: {gpu: N}` in the "
                "profile, or --resources gpu=N (0: on CPUs)"
            )
        if not local and self.jobs_per_gpu > 1:
            raise UserError(
                f"--config jobs_per_gpu={self.jobs_per_gpu}: on a cluster each job gets GPUs of its own; leave it out"
            )


def check_start(workflow: Any, request: GpuRequest, results: Path) -> list[str]:
    """Check the jobs that Snakemake's ``workflow`` is about to run; to be called before the first one starts.

    Returns warnings. Raises `UserError` where the switches do not suit the place of the jobs, or a job asks for what no
    partition of a cluster has (``--slurm-partition-config``); and what the function of a resource raises.
    """
    jobs = list(workflow.dag.needrun_jobs())
    if any("gpu" in job.rule.resources for job in jobs):
        request.check(hardware.visible(os.environ), workflow.local_exec)
        request.check_place(workflow.local_exec, hardware.gpus())
    partitions = getattr(getattr(workflow.scheduler, "_executor", None), "_partitions", None) or ()
    asked = {job: _asked(job, 1) for job in jobs}
    for job in [job for job in jobs if partitions and not job.is_local]:
        for attempt in dict.fromkeys((1, 1 + job.restart_times)):
            _check_partitions(job, asked[job] if attempt == 1 else _asked(job, attempt), attempt, partitions)
    return [*slurm_accounting.prepare(workflow), *_warnings(asked, workflow.local_exec, results)]


def _asked(job: Any, attempt: int) -> Any:
    """What a job of Snakemake asks for, evaluated now; Snakemake evaluates it again when it starts the job."""
    return job.rule.expand_resources(job.wildcards_dict, job.input, attempt, skip_evaluation={"tmpdir"})


def _check_partitions(job: Any, asked: Any, attempt: int, partitions: Iterable[Any]) -> None:
    """Raise `UserError` if no partition of the Slurm plugin's takes the job; else the default one refuses it later."""
    seen = SimpleNamespace(resources=asked, threads=asked["_cores"], name=job.rule.name)
    if not any(partition.score_job_fit(seen) is not None for partition in partitions):
        named = ("gpu", "gpu_model", "mem_mb", "runtime")
        wants = ", ".join(f"{name}={asked[name]}" for name in named if asked.get(name))
        names = ", ".join(partition.name for partition in partitions)
        raise UserError(
            f"{_name(job)}: no partition of --slurm-partition-config ({names}) takes what attempt {attempt} asks for: "
            f"{wants}, threads={seen.threads}; correct the limits of the partitions, or limit jobs by `resources` in "
            "the profile, as in profiles/slurm"
        )


def _warnings(asked: Mapping[Any, Any], local: bool, results: Path) -> Iterator[str]:
    """Of jobs that ask for more memory or disk than there is: they ask for upper bounds.

    What depends on the size of files that are not there yet is no number.
    """
    place = next(folder for folder in (results, *results.absolute().parents) if folder.exists())
    there = {"disk_mb": shutil.disk_usage(place).free // 10**6} | ({"mem_mb": hardware.memory_mb()} if local else {})
    words = {"disk_mb": f"are free on the disk of {results}", "mem_mb": "of main memory are on this machine"}
    for name, amount in there.items():
        known = {job: value for job, each in asked.items() if isinstance(value := each.get(name), int)}
        most = max(known, key=known.__getitem__, default=None)
        if most is not None and known[most] > amount:
            yield f"{_name(most)} may take {known[most]:,} MB ({name}), and {amount:,} MB {words[name]}"


def _name(job: Any) -> str:
    return " ".join([job.rule.name, *map(str, job.wildcards_dict.values())])


def _gpus(names: Sequence[str]) -> str:
    if not names:
        return "no GPU"
    return f"{len(names)} GPU{'s' if len(names) > 1 else ''} ({', '.join(names)})"
