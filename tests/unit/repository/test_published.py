"""Studies that the documentation publishes: what it shows is in their archives, from which all is made again."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.export.archive_manifest import ArchiveManifest
from conftest import ROOT

ARCHIVES = sorted(ROOT.glob("docs/results/*/*.zip"))
PUBLISHING = runpy.run_path(str(ROOT / "docs/publish.py"))


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_what_is_shown_is_archived(archive: Path) -> None:
    folder = archive.parent
    with zipfile.ZipFile(archive) as file:
        manifest = ArchiveManifest.model_validate_json(file.read("manifest.json"))
        shown = {path: file.read(f"{manifest.root}/{path}") for path in PUBLISHING["shown"](manifest)}
    files = [path for pattern in PUBLISHING["SHOWN"] for path in folder.glob(pattern)]
    assert shown == {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    assert "claims.md" in shown and archive.stat().st_size < 3e6


def test_publishing_replaces_what_was_published(archived: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables/gone.md").touch()
    (folder / "index.md").write_text("By hand.")
    assert PUBLISHING["publish"](archived, tmp_path) == folder / "tiny.zip"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"claims.md", "index.md", "tables/table2.md", "tiny.zip"} <= names and "tables/gone.md" not in names


def test_a_choice_of_artefacts_is_not_published(archived: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archived) as file:
        file.extractall(tmp_path / "choice")
    manifest = json.loads((tmp_path / "choice/manifest.json").read_text())
    manifest["switches"]["artefacts"] = "table2"
    (tmp_path / "choice/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="archive the whole study"):
        PUBLISHING["publish"](tmp_path / "choice", tmp_path / "results")
    assert not (tmp_path / "results").exists()


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
    if any(version(name) != number for name, number in made_with.items() if name not in ("python", "bertfit")):
        different = [line for line in different if not line.endswith((".svg", ".png", ".html"))]
    assert not different
