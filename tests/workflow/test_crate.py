"""snakemake crate: what is missing is made, the crate is accepted, and a damaged record stops it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("rocrate", reason="needs rocrate: pip install -r requirements.txt")

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core.files import sha256
from bertfit.crate import run_crate
from helpers import crated

pytestmark = pytest.mark.workflow


def snakemake(folder: Path, *arguments: str, ok: bool = True) -> str:
    command = [sys.executable, "-m", "snakemake", *arguments, "--config", "study=tiny"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert (done.returncode == 0) == ok, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def study(archivable: tuple[Path, ArchiveJobs], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the made-up study, finished but for the archive."""
    folder = tmp_path_factory.mktemp("to describe") / "study"
    ignore = shutil.ignore_patterns("*.zip", "__pycache__", ".snakemake")
    shutil.copytree(archivable[0], folder, ignore=ignore)
    return folder


def test_from_a_finished_study_to_an_accepted_crate(
    study: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    snakemake(study, "--touch", "--cores", "1", "all")
    snakemake(study, "--cores", "1", "crate")
    results = study / "results/tiny"
    crate = results.with_name("tiny.crate.zip")
    issues = crated.issues(crate, "provenance-run-crate-0.5", monkeypatch, tmp_path)
    assert [issue for issue in issues if issue[1] == "REQUIRED"] == []
    with zipfile.ZipFile(crate) as file:
        entities = {each["@id"]: each for each in json.loads(file.read(run_crate.METADATA))["@graph"]}
        described = file.read("results/tiny/corpora/imdb/croissant.json")
        assert file.read("results/tiny/reforms.md") == (results / "reforms.md").read_bytes()
    assert described == (results / "corpora/imdb/croissant.json").read_bytes()
    files = {each["name"]: each["sha256"] for each in json.loads(described)["distribution"]}
    assert files["train.parquet"] == sha256(results / "corpora/imdb/train.parquet")
    assert "@type" in entities["#run"]
    assert "Nothing to be done" in snakemake(study, "--cores", "1", "crate")


def test_a_damaged_record_stops_it(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns("*.zip", "__pycache__"))
    card = folder / "results/tiny/corpora/imdb/card.json"
    card.write_text("{")
    printed = snakemake(folder, "--cores", "1", "crate", ok=False)
    assert "card.json" in printed and not (folder / "results/tiny.crate.zip").exists()
