"""What Snakemake recorded of finished jobs: rule, inputs, start and end of the job that made a file.

Snakemake writes a JSON file for each output below ``.snakemake/metadata``, named by the output's path in URL-safe
base64; parts of a long name are folders that begin with ``@`` (``snakemake/persistence/file.py``, 9.27). Where these
files were deleted or are in a data base, nothing is known, and nothing is made up.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path(".snakemake/metadata")


class RecordedJob(BaseModel):
    """The job that made a file. Times in seconds since 1970, UTC; fields that are missing are None."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rule: str | None = None
    input: list[str] | None = None
    log: list[str] | None = None
    starttime: float | None = None
    endtime: float | None = None
    incomplete: bool | None = None


def read(folder: Path, root: str) -> dict[str, RecordedJob]:
    """Output -> the job that made it, of all outputs below ``root`` that ``folder`` has a finished job of.

    A record that cannot be read, or of a job that has not finished, is left out, as Snakemake does.
    """
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        output = _output(path.relative_to(folder))
        if output is None or not output.startswith(f"{root}/") or not path.is_file():
            continue
        try:
            job = RecordedJob.model_validate(json.loads(path.read_bytes()))
        except (OSError, ValueError, ValidationError):
            continue
        if not job.incomplete and job.endtime is not None:
            found[output] = job
    return found


def _output(path: Path) -> str | None:
    """The output that a record is named by; None for other files."""
    if any(not part.startswith("@") for part in path.parts[:-1]):
        return None
    name = "".join(part.removeprefix("@") for part in path.parts)
    try:
        return base64.urlsafe_b64decode(name).decode()
    except (binascii.Error, ValueError):
        return None
