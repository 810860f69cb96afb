"""``snakemake --sdm conda``: which files of ``envs/`` Snakemake reads, and what it runs in the environment.

A stand-in for conda: it makes an empty environment whose ``python`` records how it is called.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Workflow

CONDA = """\
#!/usr/bin/env bash
case "$1" in
    info) echo '{{"conda_prefix": "{prefix}", "platform": "{platform}"}}' ;;
    --version) echo "conda 26.9.4" ;;
    config) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
    clean) ;;
    *)
        echo "$@" >> "{prefix}/calls"
        while [ $# -gt 0 ]; do
            if [ "$1" = --file ]; then cat "$2" >> "{prefix}/made-of"; fi
            if [ "$1" = --prefix ]; then mkdir -p "$2/bin" && cp "{prefix}/python" "$2/bin/python"; fi
            shift
        done
        ;;
esac
"""
PYTHON = """\
#!/usr/bin/env bash
echo "$@" >> "{prefix}/pip"
for last; do :; done
cat "$last" >> "{prefix}/installed"
"""


@pytest.fixture
def conda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a stand-in for conda first on the search path; returns its folder."""

    def install(platform: str) -> Path:
        prefix = tmp_path / "conda"
        (prefix / "bin").mkdir(parents=True)
        scripts = {"bin/conda": CONDA, "python": PYTHON}
        for name, text in scripts.items():
            (prefix / name).write_text(text.format(prefix=prefix, platform=platform))
            (prefix / name).chmod(0o755)
        (prefix / "bin/activate").write_text('PATH="$1/bin:$PATH"\n')
        folders = [prefix / "bin", Path(sys.executable).parent, os.environ["PATH"]]
        monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
        return prefix

    return install


@pytest.fixture
def create(workflow: Workflow):
    """Make the environments of a target; returns what Snakemake printed.

    Outside of the working folder: its name has a space, which Snakemake does not quote (docs/how-to/studies.md).
    """
    prefix = ("--conda-prefix", str(workflow.folder.parent / "environments"))
    return lambda: workflow.run("--sdm", "conda", *prefix, "--conda-create-envs-only", "table1")


def test_on_linux_the_environment_is_that_of_the_pin_file(conda, create) -> None:
    prefix, printed = conda("linux-64"), create()
    assert "Using pinnings from" in printed and "Running post-deploy script" in printed
    assert (prefix / "made-of").read_text() == (ROOT / "envs/bertfit.linux-64.pin.txt").read_text()
    assert len((prefix / "calls").read_text().splitlines()) == 1, "one environment for all rules"
    assert "--require-hashes" in (prefix / "pip").read_text()
    installed = (prefix / "installed").read_text()
    assert "torch==" in installed and installed in (ROOT / "envs/bertfit.post-deploy.sh").read_text()


def test_elsewhere_conda_solves_and_the_same_packages_are_installed(conda, create) -> None:
    prefix, printed = conda("osx-arm64"), create()
    assert "Using pinnings from" not in printed and "Running post-deploy script" in printed
    assert (prefix / "made-of").read_text() == (ROOT / "envs/bertfit.yaml").read_text()


def test_a_changed_lock_makes_another_environment(conda, create, workflow: Workflow) -> None:
    prefix = conda("linux-64")
    create()
    create()
    assert len((prefix / "calls").read_text().splitlines()) == 1
    workflow.edit("envs/bertfit.post-deploy.sh", "torch==", "torch===")
    create()
    assert len((prefix / "calls").read_text().splitlines()) == 2
