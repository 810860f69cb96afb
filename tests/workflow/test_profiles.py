"""Profiles: each complete in itself, and what the generic one submits."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from conftest import ROOT, Workflow

FILES = ("profile", "config")  # as Snakemake looks for them
PROFILES = {path.parent.name: path for path in sorted((ROOT / "profiles").glob("*/*.yaml")) if path.stem in FILES}
SHARED = ("rerun-triggers", "max-checksum-file-size", "rerun-incomplete", "keep-going", "show-failed-logs")


def profile(name: str) -> dict:
    return YAML(typ="safe").load(PROFILES[name])


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_complete_and_holds_no_science(name: str) -> None:
    own = profile(name)
    assert {key: own[key] for key in SHARED} == {key: profile("default")[key] for key in SHARED}
    assert "config" not in own and own["retries"] > 0
    if "executor" in own:
        assert own["resources"]["gpu"] > 0, "else the GPUs of the machine that submits would be counted"


@pytest.fixture
def qsub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A queue that runs each job at once and writes its arguments into the file that this returns."""
    command, calls = tmp_path / "bin" / "qsub", tmp_path / "calls"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/bash\necho "${{@:1:$#-1}}" >> "{calls}"\nbash "${{@: -1}}" > /dev/null 2>&1 &\necho 7.host\n'
    )
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    return calls


@pytest.mark.parametrize(
    ("gpus", "asked"), [("0", "select=1:ncpus=4:mem=8000mb"), ("2", "select=1:ncpus=4:mem=8000mb:ngpus=2")]
)
def test_the_generic_profile_submits(qsub: Path, tmp_path: Path, gpus: str, asked: str) -> None:
    (tmp_path / "job.sh").write_text("touch done\n")
    submit = [ROOT / "profiles/generic/submit", "4", gpus, "8000", "90", "finetune", "job.sh"]
    assert subprocess.check_output(submit, cwd=tmp_path, text=True) == "7.host\n"
    assert qsub.read_text() == f"-l {asked} -l walltime=5400 -N finetune -j oe -o logs/generic/\n"


@pytest.mark.skipif(
    not importlib.util.find_spec("snakemake_executor_plugin_cluster_generic"), reason="its plugin is not installed"
)
def test_the_generic_profile_runs_jobs(workflow: Workflow, qsub: Path) -> None:
    workflow.run("--workflow-profile", "profiles/generic", "results/miniature/documents/general.test.txt")
    workflow.run("--workflow-profile", "profiles/generic", "results/miniature/documents/imdb.test.txt")
    assert "-N write_documents" in qsub.read_text() and "ngpus" not in qsub.read_text()
    printed = workflow.run("--workflow-profile", "profiles/generic", "-n", "table8", "--config", "study=paper")
    assert "gpu=4" in printed and "gpu=1" in printed
