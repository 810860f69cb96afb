"""Exclusive GPUs for each job of a machine, through one file lock per GPU; the kernel releases those of dead processes.

Snakemake counts GPUs but assigns none. Before CUDA is initialised a job locks free ones among those visible to it and
sets CUDA_VISIBLE_DEVICES. Where a batch system has set that variable to exactly the requested number, they are used
without a lock: the numbers do not identify GPUs there (Slurm counts from 0 in each job).

Jobs may share a GPU: it has as many locks as shares, and each job may use its share of the memory. Under NVIDIA's
Multi-Process Service (MPS) their kernels run side by side, else in turns; CUDA finds a running MPS by itself.
CUDA_MPS_ACTIVE_THREAD_PERCENTAGE is left unset: small jobs leave the GPU idle between their kernels, and a cap would
only slow down the kernels of one job while the others launch theirs.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bertfit.core.errors import UserError
from bertfit.runtime.hardware import visible

log = logging.getLogger(__name__)

BATCH_SYSTEMS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "KUBERNETES_SERVICE_HOST")
LOCKS = Path("/tmp")  # local to the machine, never on a network file system
PAUSE = 1.0  # seconds between two attempts
MEMORY_SHARE = "BERTFIT_GPU_MEMORY_SHARE"
"""environment variable: share of a GPU's memory that a job may use, set where jobs share it (see `memory_share`)"""
MPS_PIPES = "CUDA_MPS_PIPE_DIRECTORY"
MPS_FOLDER = Path("/tmp/nvidia-mps")  # CUDA's default of that variable


@contextmanager
def gpus(gpu: int, jobs_per_gpu: int = 1, locks: Path = LOCKS) -> Iterator[list[str]]:
    """Reserve GPUs while the block runs: yield their names and set CUDA_VISIBLE_DEVICES, before CUDA is initialised.

    ``gpu`` is the resource of the job; 0 hides all GPUs. With ``jobs_per_gpu`` above 1 it counts shares of a GPU: one
    share leaves the GPU to further jobs, more get whole GPUs of ``jobs_per_gpu`` shares. `memory_share` says
    what a job on one share may use. Waits until enough are free. Raises `UserError` where there are fewer GPUs than
    requested.
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
        os.environ.pop(MEMORY_SHARE, None)
        log.info("GPUs: %s", ", ".join(names) or "none, on the CPU")
        if gpu == 1 and jobs_per_gpu > 1:
            os.environ[MEMORY_SHARE] = str(1 / jobs_per_gpu)
            locked.callback(os.environ.pop, MEMORY_SHARE, None)
            log.info("shared by up to %d jobs, %s", jobs_per_gpu, _sharing(os.environ))
        if len(names) > 1 and any(name.startswith("MIG-") for name in names):
            log.warning("a CUDA process uses one MIG instance only, the others stay idle; add gpus=1 to --config")
        yield names


def memory_share(environment: Mapping[str, str]) -> float:
    """Share of the memory of its GPU that this process may use; 1 unless jobs share the GPU."""
    return float(environment.get(MEMORY_SHARE, 1))


def mps_runs(environment: Mapping[str, str], default: Path = MPS_FOLDER) -> bool:
    """Whether NVIDIA's MPS control daemon runs: its pipe is where CUDA looks for it."""
    return (Path(environment.get(MPS_PIPES) or default) / "control").exists()


def _sharing(environment: Mapping[str, str]) -> str:
    if mps_runs(environment):
        return "whose kernels run side by side (MPS)"
    return "whose kernels take turns: NVIDIA's MPS does not run (nvidia-cuda-mps-control -d starts it)"


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
