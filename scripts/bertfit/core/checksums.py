"""SHA-256 digests of results, stored as extended attributes, so that a file altered after it was written is detected.

Writes are atomic (`files.atomic`), but a failing disk, an interrupted copy or an editor may still damage a file, and
Snakemake compares modification times only. Files whose attribute was lost (some file systems, some copies) pass.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from bertfit.core.errors import UserError

ATTRIBUTE = "user.bertfit.sha256"
MAX_SECONDS_AHEAD = 60  # clocks of two machines may differ by less, and most jobs take longer


def stamp(path: Path) -> None:
    """Store the digest of a file's current content as its attribute, where the file system supports that."""
    if hasattr(os, "setxattr"):
        with suppress(OSError):
            os.setxattr(path, ATTRIBUTE, sha256(path).encode())


def changed(path: Path) -> bool:
    """Whether a file's content differs from its stored digest; False for a file without one."""
    stored = b""
    if hasattr(os, "getxattr"):
        with suppress(OSError):
            stored = os.getxattr(path, ATTRIBUTE)
    return bool(stored) and stored.decode() != sha256(path)


def check(paths: Iterable[str | Path], now: float | None = None) -> None:
    """Raise `UserError` for the first file that changed since it was written, or whose time lies in the future.

    Folders are checked file by file. ``now``: as for `seconds_ahead`. Without this check Snakemake would delete the
    results of hours of training because an input has a later time.
    """
    for path in (
        file for given in map(Path, paths) for file in (find(given, Path.is_file) if given.is_dir() else [given])
    ):
        ahead = seconds_ahead(path, now) if path.is_file() else 0
        if ahead > MAX_SECONDS_AHEAD:
            raise UserError(
                f"{path}: modified {ahead:.0f} seconds in the future: the clock has been set back. Correct it, or run "
                "`python scripts/verify.py FOLDER --repair` on the results folder; then the same command again"
            )
        if path.is_file() and changed(path):
            raise UserError(
                f"{path}: it has changed since it was written (truncated or altered). Run `python scripts/verify.py "
                "FOLDER --repair` on the results folder, which deletes all such files; then the same command again"
            )


def seconds_ahead(path: Path, now: float | None = None) -> float:
    """Seconds from ``now`` (default: this machine's clock) to a file's modification time; negative in the past."""
    return path.stat().st_mtime - (time.time() if now is None else now)


def find(folder: Path, condition: Callable[[Path], bool]) -> Iterator[Path]:
    """Files below ``folder``, links left out, that fulfil ``condition`` (such as `changed`), in sorted order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and condition(path):
            yield path


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
