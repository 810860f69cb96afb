"""Archives of parts of a study, merged: the bytes of the whole archive, and what cannot be merged."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.export import archive, rebuild
from bertfit.workflow.archive_jobs import ArchiveJobs
from bertfit.workflow.merged_archive import merge
from helpers.archived import archiving_of, pack_as

PARTS = 3


@pytest.fixture(scope="module")
def parts(archivable: tuple[Path, ArchiveJobs]) -> list[Path]:
    """The archives of three parts of the made-up study."""
    folder, _ = archivable
    return [
        pack_as(folder, archiving_of(folder, shard=f"{part}/{PARTS}"), f"part{part}.zip")
        for part in range(1, PARTS + 1)
    ]


def edited(source: Path, out: Path, changes: dict[str, bytes | None], **manifest: object) -> Path:
    """A copy of an archive with other content of some files (None: without them), and other values in its manifest."""
    with zipfile.ZipFile(source) as before:
        content = {name: before.read(name) for name in before.namelist()}
    values = json.loads(content.pop("manifest.json"))
    for path, changed in changes.items():
        content.pop(path, None)
        values["sha256"].pop(path, None)
        if changed is not None:
            content[path] = changed
            values["sha256"][path] = archive.hashlib.sha256(changed).hexdigest()
    content["manifest.json"] = json.dumps(values | manifest).encode()
    with zipfile.ZipFile(out, "w") as after:
        for path, value in content.items():
            after.writestr(path, value)
    return out


def names(path: Path, start: str = "results/") -> set[str]:
    with zipfile.ZipFile(path) as file:
        return {name for name in file.namelist() if name.startswith(start)}


def test_merged_parts_have_the_bytes_of_the_whole(parts: list[Path], archived: Path, tmp_path: Path) -> None:
    records = merge([parts[2], parts[0], parts[1]], tmp_path / "whole.zip")
    assert (tmp_path / "whole.zip").read_bytes() == archived.read_bytes()
    same = rebuild.rebuild(tmp_path / "whole.zip", tmp_path / "rebuilt")
    assert all(same.values()) and "results/tiny/report.html" in same
    assert set().union(*map(names, parts)) == set(records)
