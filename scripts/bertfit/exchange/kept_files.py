"""Files of an export: what is there stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bertfit.core.errors import UserError
from bertfit.core.files import write_text


def write_new(texts: Mapping[Path, str]) -> None:
    """Write the files that are not there yet: path -> text.

    Raises `UserError` before anything is written where one of them is there with other content.
    """
    missing = {}
    for path, text in texts.items():
        if not path.exists():
            missing[path] = text
        elif path.read_bytes() != text.encode():
            raise UserError(
                f"{path}: is there with other content (another selection, date, source or number of files); "
                "use another --out"
            )
    for path, text in missing.items():
        write_text(path, text)
