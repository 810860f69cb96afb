"""Files that are whole or absent: written under a temporary name, flushed, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bertfit.core import checksums
from bertfit.core.errors import UserError

_ROOM, _RIGHT = "make room and run again", "correct its permissions, or work in a folder of your own"
CURES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _ROOM),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _RIGHT),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "a file stands where a folder should; move it away"),
}


@contextmanager
def atomic(path: str | Path, *, stamp: bool = True) -> Iterator[Path]:
    """Yield a temporary sibling of ``path``; rename it to ``path`` if the block ends well, delete it otherwise.

    Works for a file and for a folder (make the folder yourself at the yielded path). With ``stamp`` the digest of each
    file is kept with it (`checksums`). Raises `UserError` where the disk
    is full or the place is not to be written; nothing of ``path`` is there then but what was before.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(temporary)
        yield temporary
        for one in temporary.rglob("*") if temporary.is_dir() else (temporary,):
            if one.is_file():
                if stamp:
                    checksums.stamp(one)
                with open(one, "rb") as handle:
                    os.fsync(handle.fileno())
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)  # a folder cannot be renamed over a folder that has files
        os.replace(temporary, path)
    except UserError:
        raise
    except Exception as error:
        if cure := CURES.get(_number(error)):
            place = getattr(error, "filename", None) or path
            raise UserError(f"{place}: cannot be written ({os.strerror(_number(error))}); {cure}") from error
        raise
    finally:
        with suppress(OSError):  # of a folder that is not to be written, or is none
            remove(temporary)


def _number(error: Exception) -> int:
    """The system's number of an error; 0 for other errors. Some libraries only say it."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    said = str(error)
    full = os.strerror(errno.ENOSPC) in said or re.fullmatch(r"\d+ requested and \d+ written", said)  # numpy's
    return errno.ENOSPC if full else 0


def remove(path: str | Path) -> None:
    """Delete a file or folder if it is there."""
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
    """Write readable, stable JSON atomically (keys in the order given)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def links(root: Path) -> None:
    """Raise `UserError` for a link below ``root``, the results of a study, that leads out of it.

    What jobs write there would land on files that are not theirs. ``root`` itself may be a link, to a larger disk.
    """
    inside = root.resolve()
    for folder, folders, names in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *names)):
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                raise UserError(
                    f"{path}: this link leads out of the results, to {path.resolve()}; replace it by a folder, or link "
                    f"{root} as a whole"
                )
