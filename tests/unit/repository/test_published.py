"""Studies that the documentation publishes: what it shows is in their archives, from which all is made again."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from conftest import ROOT

ARCHIVES = sorted(ROOT.glob("docs/results/*/*.zip"))


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_what_is_shown_is_archived(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        shown = [path for path in archive.parent.rglob("*") if path.parent.name in ("tables", "figures")]
        assert len(shown) > 10
        for path in (archive.with_name("claims.md"), *shown):
            archived = f"results/{archive.stem}/{path.relative_to(archive.parent).as_posix()}"
            assert path.read_bytes() == file.read(archived), path
    assert archive.stat().st_size < 3e6


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_it_is_made_again_by_the_code_in_it(archive: Path, tmp_path: Path) -> None:
    """To the same bytes; with other versions of packages figures, and the report that has them, may be drawn anew."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "study")
        made_with = json.loads(file.read("manifest.json"))["versions"]
    command = [sys.executable, "study/scripts/rebuild.py", "study", "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "files rebuilt in out" in done.stdout, done.stderr
    different = [line for line in done.stdout.splitlines() if line.startswith("differs")]
    if any(version(name) != number for name, number in made_with.items() if name != "python"):
        different = [line for line in different if not line.endswith((".svg", ".png", ".html"))]
    assert not different
