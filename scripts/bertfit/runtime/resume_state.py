"""The folder from which a killed training job resumes, and the lock on its results.

Snakemake deletes the outputs of a failed job, so the state is no output: its folder is named by the job's results, code
and values, and changed code or values never resume an old state.

A file lock beside it admits one writer to the results, whatever its code, so that a training that outlived a killed
Snakemake and its successor never both write. The kernel releases the lock when its holder dies; on NFS, too (Linux
2.6.12 and later; with ``local_lock`` between processes of one machine only), though for a crashed machine the server
does so only later, usually after 90 seconds. To `filelock` this adds the holder's name, a check for NFS, and the
removal of the file.
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
from bertfit.runtime.rule_job import JobIdentity

log = logging.getLogger(__name__)

TIMEOUT = 120  # seconds: enough for a stopped process to save its state, or for NFS to release a dead machine's lock
PAUSE = 1.0  # seconds between two attempts
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


def folder(results: Path, job: JobIdentity) -> Path:
    """``results/<study>/.state/<rest of the path>/<digest>`` for a job that writes into ``results/<study>/<rest>``."""
    digest = hashlib.sha256(json.dumps(vars(job), sort_keys=True).encode()).hexdigest()[:16]
    parts = results.parts
    root = parts.index("results") if "results" in parts else 0
    return Path(*parts[: root + 2], ".state", *parts[root + 2 :], digest)


@contextmanager
def exclusive_state_dir(results: Path, job: JobIdentity) -> Iterator[Path]:
    """Yield `folder` while holding the lock on ``results``: no other process writes there.

    Raises `UserError` if another process still holds it after `TIMEOUT` seconds.
    """
    state = folder(results, job)
    path = state.with_name("lock")
    lock = FileLock(
        path,
        timeout=TIMEOUT,
        poll_interval=PAUSE,
        fallback_to_soft=False,  # a lock by existence of a file would outlive a killed holder
        on_acquired=lambda file: _sign(file, path),
    )
    _acquire(lock, results)
    try:
        yield state
    finally:
        path.unlink(missing_ok=True)  # before the release, so that a waiting process notices that the file is gone
        lock.release()


class _RemovedError(Exception):
    """The previous holder removed the lock file before it was locked: the lock protects nothing."""


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
                f"{results} is being written by {holder or 'another process'}, most likely started by a Snakemake "
                f"that was killed (lock: {path}). Wait until it is done, or end it there with `kill`, which saves its "
                "state; then run again: the job resumes from it"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.warning(
                "%s: the file system does not support locks (%s); never run two Snakemakes in one folder",
                lock.lock_file,
                error,
            )
        return


def _sign(file: int, path: Path) -> None:
    """Write the name of this process into a locked file. Raises `_RemovedError` if ``path`` is no longer this file.

    filelock checks only whether the file has a link, which on NFS it keeps while open in a process of this machine.
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
    """Digest of what a saved state depends on: values (as JSON), names and contents of the input files."""
    content = [values, {name: sha256(path) for name, path in inputs.items()}]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
