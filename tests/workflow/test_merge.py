"""Trainings of the tiny study: seeds 1 to 3 and 4 to 6, added up, are a run of six seeds."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT, Workflow

CHOICE = ("study=tiny", "artefacts=kept")


@pytest.fixture(scope="module")
def archives(make_workflow, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Archives of three runs in one folder, so that they start from one encoder."""
    workflow: Workflow = make_workflow("merge")
    (workflow.folder / "studies/tiny.yaml").write_bytes((ROOT / "tests/studies/tiny.yaml").read_bytes())
    made = {}
    for name, switches in {"a": ("seeds=3", "contributor=Group A"), "b": ("seeds=4-6",), "six": ("seeds=6",)}.items():
        workflow.run("archive", "--cores", "2", "--config", *CHOICE, *switches)
        made[name] = (workflow.folder / "results/tiny.zip").rename(workflow.folder / f"{name}.zip")
    return made


def merged(archives: dict[str, Path], out: str, *names: str) -> Path:
    folder = archives["a"].parent
    command = [sys.executable, "scripts/merge.py", *(f"{name}.zip" for name in names), out]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / out


def test_two_archives_add_up_to_six_seeds(archives: dict[str, Path]) -> None:
    with zipfile.ZipFile(merged(archives, "ab.zip", "a", "b")) as both, zipfile.ZipFile(archives["six"]) as six:
        manifest = json.loads(six.read("manifest.json"))
        differing = [path for path in manifest["made"] if both.read(path) != six.read(path)]
        assert differing == ["results/tiny/report.choice.html"]
        assert {f"results/tiny/tables/kept.{kind}" for kind in ("csv", "md", "tex", "html")} <= set(manifest["made"])
        results = [path for path in manifest["sha256"] if path.endswith(("predictions.parquet", "history.csv"))]
        assert [path for path in results if both.read(path) != six.read(path)] == [] and len(results) >= 6
        contributed = json.loads(both.read("manifest.json"))["contributed"]
        assert [each["contributor"] for each in contributed["by"]] == ["Group A", "b"]


def test_the_same_runs_in_other_blocks_agree_to_the_bit(archives: dict[str, Path]) -> None:
    """A block of seeds trains each of them as if alone."""
    with zipfile.ZipFile(merged(archives, "all.zip", "six", "b")) as both:
        contributed = json.loads(both.read("manifest.json"))["contributed"]
    assert contributed["runs"] == contributed["encoders"] == contributed["files"] == []
