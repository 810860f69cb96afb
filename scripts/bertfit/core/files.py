"""Atomic writes: a file is written under a temporary name, flushed to disk, then renamed."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bertfit.core import checksums
from bertfit.core.checksums import sha256 as sha256
from bertfit.core.errors import UserError

PROJECT = Path(__file__).parents[3]
"""the folder of the workflow: its configuration, ``paper/``, ``studies/`` and ``scripts/``"""
_FREE_SPACE, _PERMISSIONS = "free some space and run again", "correct its permissions, or use a folder of your own"
CURES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FREE_SPACE),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _PERMISSIONS),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "a file is in the place of a folder; move it away"),
}


@contextmanager
def atomic(path: str | Path, *, stamp: bool = True) -> Iterator[Path]:
    """Yield a temporary sibling of ``path``; rename it to ``path`` if the block succeeds, delete it otherwise.

    Works for files and for folders (create the folder at the yielded path). With ``stamp`` each file's digest is stored
    with it (`checksums`). Raises `UserError` where the disk is full or the place is not writable; ``path`` is then
    unchanged.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(temporary)
        yield temporary
        for file in temporary.rglob("*") if temporary.is_dir() else (temporary,):
            if file.is_file():
                if stamp:
                    checksums.stamp(file)
                with open(file, "rb") as handle:
                    os.fsync(handle.fileno())
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)  # a folder cannot be renamed over a non-empty one
        os.replace(temporary, path)
    except UserError:
        raise
    except Exception as error:
        if cure := CURES.get(_errno(error)):
            place = getattr(error, "filename", None) or path
            raise UserError(f"{place}: cannot be written ({os.strerror(_errno(error))}); {cure}") from error
        raise
    finally:
        with suppress(OSError):  # the folder is not writable, or not a folder
            remove(temporary)


def _errno(error: Exception) -> int:
    """The system's error number, 0 for other errors. Some libraries give it only in the message."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    message = str(error)
    disk_full = os.strerror(errno.ENOSPC) in message or re.fullmatch(r"\d+ requested and \d+ written", message)  # numpy
    return errno.ENOSPC if disk_full else 0


def remove(path: str | Path) -> None:
    """Delete a file or folder if it exists."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON atomically, keys in the given order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def check_links(root: Path) -> None:
    """Raise `UserError` for a link below ``root``, the results of a study, that leads out of it.

    Jobs would overwrite files elsewhere through it. ``root`` itself may be a link, for example to a larger disk.
    """
    resolved_root = root.resolve()
    for folder, folders, names in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *names)):
            if path.is_symlink() and not path.resolve().is_relative_to(resolved_root):
                raise UserError(
                    f"{path}: this link leads out of the results, to {path.resolve()}; replace it by a folder, or link "
                    f"{root} as a whole"
                )
