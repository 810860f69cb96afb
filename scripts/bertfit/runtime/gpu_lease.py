"""Exclusive GPUs for each job of a machine, through one file lock per GPU; the kernel releases those of dead processes.

Snakemake counts GPUs but assigns none. Before CUDA is initialised a job locks free ones among those visible to it and
sets CUDA_VISIBLE_DEVICES. Where a batch system has set that variable to exactly the requested number, they are used
without a lock: the numbers do not identify GPUs there (Slurm counts from 0 in each job).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bertfit.core.errors import UserError
from bertfit.runtime.hardware import visible

log = logging.getLogger(__name__)

BATCH_SYSTEMS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "KUBERNETES_SERVICE_HOST")
LOCKS = Path("/tmp")  # local to the machine, never on a network file system
PAUSE = 1.0  # seconds between two attempts


@contextmanager
def gpus(gpu: int, jobs_per_gpu: int = 1, locks: Path = LOCKS) -> Iterator[list[str]]:
    """Reserve GPUs while the block runs: yield their names and set CUDA_VISIBLE_DEVICES, before CUDA is initialised.

    ``gpu`` is the resource of the job; 0 hides all GPUs. With ``jobs_per_gpu`` above 1 it counts shares of a GPU: one
    share leaves the GPU to further jobs, more get whole GPUs of ``jobs_per_gpu`` shares. Waits until enough are free.
    Raises `UserError` where there are fewer GPUs than requested.
    """
    available = visible(os.environ)
    count = gpu if gpu < 2 else max(1, gpu // jobs_per_gpu)
    if count > len(available):
        raise UserError(
            f"the job asks for {count} GPUs (resource gpu), and may use {len(available)}: "
            f"{', '.join(available) or 'none'}; lower --resources gpu or --config gpus (0: on the CPU), or list more "
            "in CUDA_VISIBLE_DEVICES"
        )
    with ExitStack() as locked:
        assigned = "CUDA_VISIBLE_DEVICES" in os.environ and any(name in os.environ for name in BATCH_SYSTEMS)
        if not count or (assigned and count == len(available) and jobs_per_gpu == 1):
            names = available[:count]
        else:
            shares = [str(share) for share in range(jobs_per_gpu)]
            names = _acquire(_lock_folder(locks), available, count, shares, whole=gpu > 1, locked=locked)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names)
        log.info("GPUs: %s", ", ".join(names) or "none, on the CPU")
        if len(names) > 1 and any(name.startswith("MIG-") for name in names):
            log.warning("a CUDA process uses one MIG instance only, the others stay idle; add gpus=1 to --config")
        yield names


def _lock_folder(locks: Path) -> Path:
    """Folder of the user's locks; under Slurm one per job, as GPU numbers are local to a job there."""
    job = os.environ.get("SLURM_JOB_ID")
    folder = locks / f"bertfit-gpus-{os.getuid()}{f'-{job}' if job else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _acquire(
    folder: Path, available: list[str], count: int, shares: list[str], *, whole: bool, locked: ExitStack
) -> list[str]:
    """Lock ``count`` of the ``available`` GPUs, at once, as soon as that many are free; ``locked`` releases them."""
    logged = False
    while True:
        # One process selects at a time: otherwise two jobs that need two GPUs could lock one each and wait for ever.
        with FileLock(folder / "choosing", fallback_to_soft=False), ExitStack() as attempt:
            names: list[str] = []
            for group in [shares] if whole else [[share] for share in shares]:  # the first share: unused GPUs first
                for name in available:
                    paths = [folder / f"{name.replace('/', '_')}.{share}" for share in group]
                    if len(names) < count and _lock_all(paths, attempt):
                        names.append(name)
            if len(names) == count:
                locked.enter_context(attempt.pop_all())
                return names
        if not logged:
            log.info("all GPUs are in use by other jobs; waiting (locks: %s)", folder)
            logged = True
        time.sleep(PAUSE)


def _lock_all(paths: list[Path], locked: ExitStack) -> bool:
    """Lock all ``paths``, or none if another process holds one of them; ``locked`` releases them."""
    with ExitStack() as attempt:
        for path in paths:
            try:
                attempt.enter_context(FileLock(path, blocking=False, fallback_to_soft=False))
            except Timeout:
                return False
        locked.enter_context(attempt.pop_all())
    return True
