"""A git repository with the workflow that stands for github.com/bertfit/bertfit, and ways to run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, Workflow

TAG = "v0.0.1"
FIGURE = "results/tiny/figures/figure1.csv"
TABLE = "results/tiny/tables/kept.csv"
"""of two trained classifiers"""
BIN = Path(sys.executable).parent
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--cores", "1")


@dataclass(frozen=True)
class Checkout:
    """A git repository with the workflow, tagged; ``environment``: in which github.com/bertfit/bertfit is this one."""

    folder: Path
    environment: dict[str, str]

    def run(self, folder: Path, *command: str | Path) -> str:
        """Run a command in a folder, which is made; return what it printed."""
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            list(map(str, command)), cwd=folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        return str(done.stdout)

    def module(self, folder: Path, snakefile: str, names: str = "*") -> None:
        """Write a Snakefile that uses the workflow as a module."""
        folder.mkdir(parents=True)
        (folder / "Snakefile").write_text(
            f"module bertfit:\n    snakefile: {snakefile}\n    config: config\n\n\nuse rule * from bertfit as {names}\n"
        )

    def files(self) -> dict[str, bytes]:
        """The files of the checkout, without what Python caches."""
        paths = (path for path in self.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}


def checkout(folder: Path, home: Path) -> Checkout:
    """The workflow in a repository at ``folder``; ``home``: that of its users, with Snakemake's caches."""
    Workflow(folder)
    for name in ("workflow", "config", ".test"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("LICENSE", "requirements.txt", ".snakemake-workflow-catalog.yml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "tests/studies/tiny.yaml", folder / "studies/tiny.yaml")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {
        "XDG_CACHE_HOME": str(home / "cache"),
        "HOME": str(home),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "3",
        "GIT_CONFIG_KEY_0": f"url.file://{folder.parent.parent}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "GIT_CONFIG_KEY_1": "user.name",
        "GIT_CONFIG_VALUE_1": "a tester",
        "GIT_CONFIG_KEY_2": "user.email",
        "GIT_CONFIG_VALUE_2": "tester@example.org",
    }
    checkout = Checkout(folder, environment)
    for command in ("init --quiet", "add --all --force", "commit --quiet --message all", f"tag {TAG}"):
        checkout.run(folder, "git", *command.split())
    return checkout
