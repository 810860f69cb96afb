"""Where a training job keeps what it needs to go on after a kill.

Snakemake deletes the outputs of a job that failed, so the state lies in a folder that is no output, named by the job's
results, its code and its values: changed code or values never resume an old state.

Beside it lies a lock of the kernel, held by the one process that may write these results, whatever its code: a
training that outlived a killed Snakemake and the one that a new Snakemake starts never both write. It is free as soon
as its holder is dead; on NFS, too (Linux 2.6.12 and later; a mount with ``local_lock`` sees one machine alone), but the
lock of a machine that died only when the server lets go of it, 90 seconds later as a rule. It is `filelock`'s; what is
added here is the holder's name in it, a check for NFS, and that nothing is left of it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bertfit.core.errors import UserError
from bertfit.core.files import sha256

log = logging.getLogger(__name__)

PATIENCE = 120  # seconds in which a process that was told to stop has saved its state, or NFS lets go of a dead machine
PAUSE = 1.0  # seconds until the lock is tried again
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


def folder(results: Path, job: dict[str, Any]) -> Path:
    """``results/<study>/.state/<rest of the path>/<digest>`` for a job that writes into ``results/<study>/<rest>``."""
    digest = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]
    parts = results.parts
    at = parts.index("results") if "results" in parts else 0
    return Path(*parts[: at + 2], ".state", *parts[at + 2 :], digest)


@contextmanager
def held(results: Path, job: dict[str, Any]) -> Iterator[Path]:
    """Yield `folder`, as the only process that writes into ``results`` while the block runs.

    Raises `UserError` where another one still does after `PATIENCE` seconds.
    """
    state = folder(results, job)
    path = state.with_name("lock")
    lock = FileLock(
        path,
        timeout=PATIENCE,
        poll_interval=PAUSE,
        fallback_to_soft=False,  # a file that stands for a lock would outlive a killed holder
        on_acquired=lambda file: _sign(file, path),
    )
    _acquire(lock, results)
    try:
        yield state
    finally:
        path.unlink(missing_ok=True)  # before it is free: who waits for it sees that the file is gone
        lock.release()


class _RemovedError(Exception):
    """A lock file was removed by its last holder before it was locked: the lock keeps nobody out."""


def _acquire(lock: FileLock, results: Path) -> None:
    while True:
        try:
            lock.acquire()
        except _RemovedError:
            continue
        except Timeout:
            path = Path(lock.lock_file)
            holder = path.read_text(encoding="utf-8") if path.exists() else ""
            raise UserError(
                f"{results} is being written by {holder or 'another process'}, most likely of a Snakemake that was "
                f"killed (lock: {path}). Wait until it is done, or end it there with `kill`, which saves its state; "
                "then run again: the job goes on from there"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.warning(
                "%s: the file system has no locks (%s); never run two Snakemakes in one folder", lock.lock_file, error
            )
        return


def _sign(file: int, path: Path) -> None:
    """Write the name of this process into a locked file. Raises `_RemovedError` where ``path`` is another file now.

    filelock looks whether the file has a name, which on NFS it keeps as long as a process of this machine has it open.
    """
    try:
        same = os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        same = False
    if not same:
        raise _RemovedError
    slurm = os.environ.get("SLURM_JOB_ID")
    os.truncate(file, 0)
    name = f"process {os.getpid()} on {platform.node()}{f' (Slurm job {slurm})' if slurm else ''}"
    os.pwrite(file, name.encode(), 0)


def key(*values: Any, inputs: Mapping[str, Path]) -> str:
    """What a saved state belongs to: values (as JSON) and the names and content of the input files."""
    content = [values, {name: sha256(path) for name, path in inputs.items()}]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
