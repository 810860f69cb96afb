"""The digest of a file, kept with it as an extended attribute, so that what is read is what was written.

Writing leaves no half file (`files.atomic`), but a failing disk, a copy that broke off or an editor may, and Snakemake
sees times alone. File systems and copies that drop the attribute leave nothing to compare: such files pass.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from .errors import UserError

ATTRIBUTE = "user.bertfit.sha256"


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


def check(paths: Iterable[str | Path]) -> None:
    """Raise `UserError` for the first of these files that has changed since it was written."""
    for path in map(Path, paths):
        if path.is_file() and changed(path):
            raise UserError(
                f"{path}: it has changed since it was written (cut, or altered). Delete it and run the same command "
                "again; `python scripts/verify.py FOLDER --delete` finds all such files of a results folder"
            )


def find(folder: Path) -> Iterator[Path]:
    """The files below ``folder`` that have changed since they were written."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and changed(path):
            yield path


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
