"""An archive, rebuilt without the packages of training: the same bytes, and what is found where they differ."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core.errors import UserError
from bertfit.export import archive, rebuild
from helpers.archived import BLOCK


def test_everything_is_made_again_without_torch(
    archivable: tuple[Path, ArchiveJobs], archived: Path, tmp_path: Path
) -> None:
    folder, archiving = archivable
    with zipfile.ZipFile(archived) as file:
        file.extractall(tmp_path / "tiny")
    command = [sys.executable, "-c", BLOCK, "tiny/scripts/rebuild.py", "tiny", "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    made = archiving.rebuilt()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"{len(made)} files rebuilt in out, {len(made)} with the bytes of the archived ones\n"
    kinds = {Path(path).suffix for path in made}
    assert kinds == {".parquet", ".csv", ".md", ".tex", ".html", ".svg", ".png", ".json"}
    assert "results/tiny/report.html" in made
    for path in made:
        assert (tmp_path / "out" / path).read_bytes() == (folder / path).read_bytes(), path


def test_another_number_is_found(archived: Path, tmp_path: Path) -> None:
    """A table that does not follow from its records is told, file by file."""
    with zipfile.ZipFile(archived) as file:
        file.extractall(tmp_path / "in")
    manifest = json.loads((tmp_path / "in/manifest.json").read_text())
    path = "results/tiny/tables/table2.csv"
    table = (tmp_path / "in" / path).read_text().replace("ok", "OK")
    (tmp_path / "in" / path).write_text(table)
    with pytest.raises(UserError, match=f"{path} is missing or damaged"):
        rebuild.rebuild(tmp_path / "in", tmp_path / "refused")
    manifest["sha256"][path] = archive.hashlib.sha256(table.encode()).hexdigest()
    (tmp_path / "in/manifest.json").write_text(json.dumps(manifest))
    made = rebuild.rebuild(tmp_path / "in", tmp_path / "out")
    assert [path for path, same in made.items() if not same] == [path]


def test_what_cannot_be_rebuilt_is_told(archived: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    with pytest.raises(UserError, match="not empty"):
        rebuild.rebuild(archived, tmp_path / "full")
    (tmp_path / "half.zip").write_bytes(archived.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a whole archive"):
        rebuild.rebuild(tmp_path / "half.zip", tmp_path / "a")
    with pytest.raises(UserError, match="no manifest.json"):
        rebuild.rebuild(tmp_path / "full", tmp_path / "b")
    with pytest.raises(UserError, match="give a folder beside it"):
        rebuild.rebuild(tmp_path / "full", tmp_path / "full/inside")
