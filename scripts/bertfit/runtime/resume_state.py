"""Where a training job keeps what it needs to go on after a kill.

Snakemake deletes the outputs of a job that failed, so the state lies in a folder that is no output, named by the job's
results, its code and its values: changed code or values never resume an old state.

Beside it lies a lock of the kernel, held by the one process that may write these results, whatever its code: a
training that outlived a killed Snakemake and the one that a new Snakemake starts never both write. It is free as soon
as its holder is dead; on NFS, too (Linux 2.6.12 and later; a mount with ``local_lock`` sees one machine alone), but the
lock of a machine that died only when the server lets go of it, 90 seconds later as a rule.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from bertfit.core.errors import UserError
from bertfit.core.files import sha256

log = logging.getLogger(__name__)

PATIENCE = 120  # seconds in which a process that was told to stop has saved its state, or NFS lets go of a dead machine
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
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _locked(path, results)
    try:
        yield state
    finally:
        path.unlink(missing_ok=True)  # before it is free: who waits for it sees that the file is gone
        file.close()


def _locked(path: Path, results: Path) -> TextIO:
    for _ in range(PATIENCE):
        if file := _tried(path):
            return file
        time.sleep(1)
    if file := _tried(path):
        return file
    holder = path.read_text(encoding="utf-8") if path.exists() else ""
    raise UserError(
        f"{results} is being written by {holder or 'another process'}, most likely of a Snakemake that was killed "
        f"(lock: {path}). Wait until it is done, or end it there with `kill`, which saves its state; then run again: "
        "the job goes on from there"
    )


def _tried(path: Path) -> TextIO | None:
    """The locked file, with the name of this process in it; None while another one holds it."""
    with ExitStack() as stack:
        file = stack.enter_context(open(path, "a+", encoding="utf-8"))  # NFS locks only what is open for writing
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            log.warning("%s: the file system has no locks (%s); never run two Snakemakes in one folder", path, error)
        if not _is(file, path):
            return None  # its last holder has removed it since
        file.truncate(0)
        slurm = os.environ.get("SLURM_JOB_ID")
        file.write(f"process {os.getpid()} on {platform.node()}{f' (Slurm job {slurm})' if slurm else ''}")
        file.flush()
        stack.pop_all()
        return file


def _is(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def key(*values: Any, inputs: Mapping[str, Path]) -> str:
    """What a saved state belongs to: values (as JSON) and the names and content of the input files."""
    content = [values, {name: sha256(path) for name, path in inputs.items()}]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
