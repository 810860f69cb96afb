"""The digest of a file, kept with it as an extended attribute, so that what is read is what was written.

Writing leaves no half file (`files.atomic`), but a failing disk, a copy that broke off or an editor may, and Snakemake
sees times alone. File systems and copies that drop the attribute leave nothing to compare: such files pass.
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
AHEAD = 60  # seconds; less is between the clocks of two machines, and most jobs take longer


def stamp(path: Path) -> None:
    """Keep the digest of a file's present content with it, where the file system can."""
    if hasattr(os, "setxattr"):
        with suppress(OSError):
            os.setxattr(path, ATTRIBUTE, _sha256(path).encode())


def changed(path: Path) -> bool:
    """Whether a file has a digest and other content."""
    kept = b""
    if hasattr(os, "getxattr"):
        with suppress(OSError):
            kept = os.getxattr(path, ATTRIBUTE)
    return bool(kept) and kept.decode() != _sha256(path)


def check(paths: Iterable[str | Path], now: float | None = None) -> None:
    """Raise `UserError` for the first of these files that has changed since it was written, or is from the future.

    Of a folder every file is looked at. ``now``: as `seconds_ahead`. Snakemake deletes results that are older than what
    they are made of: of hours of training, if nobody looks before.
    """
    given = map(Path, paths)
    for path in (one for each in given for one in (find(each, Path.is_file) if each.is_dir() else [each])):
        ahead = seconds_ahead(path, now) if path.is_file() else 0
        if ahead > AHEAD:
            raise UserError(
                f"{path}: its time is {ahead:.0f} seconds from now: the clock has been set back. Correct it, or run "
                "`python scripts/verify.py FOLDER --repair` on the results folder; then the same command again"
            )
        if path.is_file() and changed(path):
            raise UserError(
                f"{path}: it has changed since it was written (cut, or altered). Run `python scripts/verify.py FOLDER "
                "--repair` on the results folder, which deletes all such files; then the same command again"
            )


def seconds_ahead(path: Path, now: float | None = None) -> float:
    """How far in the future a file was last written; negative for the past. ``now``: by this machine's clock."""
    return path.stat().st_mtime - (time.time() if now is None else now)


def find(folder: Path, wrong: Callable[[Path], bool]) -> Iterator[Path]:
    """The files below ``folder`` with which something is wrong, such as `changed`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and wrong(path):
            yield path


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
