"""Each job on a machine has its GPUs for itself: the kernel's locks, one a GPU, which no dead process holds.

Snakemake counts GPUs and hands none out. A job takes free ones of those that it may use, before CUDA starts, and names
them in CUDA_VISIBLE_DEVICES. Where in a batch system's job that variable names exactly as many as it asks for, they are
its own: their numbers are no names there (Slurm counts from 0 in each job).
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
LOCKS = Path("/tmp")  # of this machine, never shared over a network
PAUSE = 1.0  # seconds until a job looks again


@contextmanager
def gpus(gpu: int, jobs_per_gpu: int = 1, locks: Path = LOCKS) -> Iterator[list[str]]:
    """Hold GPUs while the block runs, in CUDA_VISIBLE_DEVICES and as yielded; to be entered before CUDA starts.

    ``gpu`` is the resource of the job: 0 hides all GPUs. With ``jobs_per_gpu`` above 1 so many jobs share one, and a
    job that asks for more than one part gets whole GPUs, ``jobs_per_gpu`` parts each. Waits while others hold what is
    needed. Raises `UserError` where there are fewer GPUs than asked for.
    """
    here = visible(os.environ)
    wanted = gpu if gpu < 2 else max(1, gpu // jobs_per_gpu)
    if wanted > len(here):
        raise UserError(
            f"the job asks for {wanted} GPUs (resource gpu), and may use {len(here)}: {', '.join(here) or 'none'}; "
            "lower --resources gpu or --config gpus (0: on the CPU), or let CUDA_VISIBLE_DEVICES name more"
        )
    with ExitStack() as held:
        given = "CUDA_VISIBLE_DEVICES" in os.environ and any(name in os.environ for name in BATCH_SYSTEMS)
        if not wanted or (given and wanted == len(here) and jobs_per_gpu == 1):
            taken = here[:wanted]
        else:
            parts = [str(part) for part in range(jobs_per_gpu)]
            taken = _wait(_folder(locks), here, wanted, parts, whole=gpu > 1, held=held)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
        log.info("GPUs: %s", ", ".join(taken) or "none, on the CPU")
        if len(taken) > 1 and any(name.startswith("MIG-") for name in taken):
            log.warning("a process of CUDA uses one MIG instance, the others stand idle; add gpus=1 to --config")
        yield taken


def _folder(locks: Path) -> Path:
    """Of this user, and in Slurm of this job, whose numbers mean nothing outside."""
    job = os.environ.get("SLURM_JOB_ID")
    folder = locks / f"bertfit-gpus-{os.getuid()}{f'-{job}' if job else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _wait(folder: Path, names: list[str], wanted: int, parts: list[str], *, whole: bool, held: ExitStack) -> list[str]:
    """Take ``wanted`` of ``names``, all at once, as soon as so many are free; ``held`` gives them back."""
    told = False
    while True:
        # one chooses at a time: two that want two cannot have one each
        with FileLock(folder / "choosing", fallback_to_soft=False), ExitStack() as chosen:
            taken: list[str] = []
            for chances in [parts] if whole else [[part] for part in parts]:  # first GPUs that nobody uses
                for name in names:
                    files = [folder / f"{name.replace('/', '_')}.{part}" for part in chances]
                    if len(taken) < wanted and _locked(files, chosen):
                        taken.append(name)
            if len(taken) == wanted:
                held.enter_context(chosen.pop_all())
                return taken
        if not told:
            log.info("all GPUs are held by other jobs; waiting (their locks: %s)", folder)
            told = True
        time.sleep(PAUSE)


def _locked(paths: list[Path], held: ExitStack) -> bool:
    """Lock all of some files if nobody holds one of them: then ``held`` unlocks them."""
    with ExitStack() as locked:
        for path in paths:
            try:
                locked.enter_context(FileLock(path, blocking=False, fallback_to_soft=False))
            except Timeout:
                return False
        held.enter_context(locked.pop_all())
    return True
