"""The package under another supported Python than the one that runs these tests, where one is on the machine.

``BERTFIT_SECOND_PYTHON`` names an interpreter whose environment is ready (requirements-dev.txt, torch may be missing).
Without it the newest other Python is taken and an environment made for it. torch comes only from wheels on this machine
that pip knows of (``find-links``), because the build for CUDA is a download of several GB. Without such a wheel all
other packages are installed. In an environment without torch the tests that import it are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bertfit.workflow import code_digest
from conftest import ROOT, Workflow

VERSIONS = ("3.11", "3.12", "3.13")
SOURCES = ("scripts", "tests", "bench")
BYTE_CODE = tempfile.TemporaryDirectory()  # of what is imported, away from the sources
OFFLINE = "after connection broken by"  # what pip prints of an index that it cannot reach


class Python(NamedTuple):
    """An interpreter with the packages of development."""

    path: Path
    has_torch: bool


def run(*command: str | Path, folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command; standard error is part of what it printed."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": BYTE_CODE.name} | variables
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def printed(*command: str | Path, folder: Path = ROOT, **variables: str) -> str:
    """What a command printed, which must succeed."""
    done = run(*command, folder=folder, **variables)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def is_version(python: Path, version: str) -> bool:
    """Whether an interpreter starts and is of this version; pyenv has commands for versions that do not start."""
    done = run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    return done.returncode == 0 and done.stdout.strip() == version


def interpreter(version: str) -> Path | None:
    """A Python of this version, from the search path or as pyenv installed it; None where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    command = shutil.which(f"python{version}")
    candidates = [Path(command)] if command else []
    candidates += sorted(pyenv.glob(f"{version}.*/bin/python"))
    return next((path for path in candidates if is_version(path, version)), None)


def others() -> list[str]:
    """Supported versions but the running one, newest first."""
    running = "{}.{}".format(*sys.version_info)
    return [version for version in reversed(VERSIONS) if version != running]


def pins(name: str) -> list[str]:
    """Lines of a requirements file that pin a package."""
    return [line for line in (ROOT / name).read_text().splitlines() if re.match(r"[\w.-]+==", line)]


@pytest.fixture(scope="module")
def second() -> Iterator[Python]:
    """The Python to test with. An environment that was made for it is removed afterwards."""
    if given := os.environ.get("BERTFIT_SECOND_PYTHON"):
        assert any(is_version(Path(given), version) for version in VERSIONS), f"{given} is no supported Python"
        yield Python(Path(given), has_torch=run(given, "-m", "pip", "show", "torch").returncode == 0)
        return
    base = next(filter(None, map(interpreter, others())), None)
    if base is None:
        pytest.skip("no other supported Python on this machine; BERTFIT_SECOND_PYTHON can name one")
    with tempfile.TemporaryDirectory() as folder:
        made = run(base, "-m", "venv", folder)
        if made.returncode != 0:  # as on a Debian without the package python3-venv
            pytest.skip(f"{base} makes no environment: {made.stdout.strip()[:400]}")
        python = Path(folder) / "bin/python"
        names = ("", "-classify", "-encoder", "-dev")
        packages = [pin for name in names for pin in pins(f"requirements{name}.txt")]
        (torch,) = [pin for pin in packages if pin.startswith("torch==")]
        has_torch = run(python, "-m", "pip", "download", "--no-index", "--no-deps", "-d", folder, torch).returncode == 0
        if not has_torch:
            packages.remove(torch)
        # Without dependencies: the pins are complete, and some packages would bring torch. Most modules are never
        # imported: to compile them all would take longer than the rest.
        installed = run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", *packages)
        if installed.returncode != 0 and OFFLINE in installed.stdout:
            pytest.skip("no package index can be reached")
        assert installed.returncode == 0, installed.stdout[-4000:]
        yield Python(python, has_torch)


@pytest.mark.parametrize("version", VERSIONS)
def test_sources_compile_without_a_warning(version: str, tmp_path: Path) -> None:
    if (python := interpreter(version)) is None:
        pytest.skip(f"no Python {version} on this machine")
    printed(python, "-W", "error", "-m", "compileall", "-q", "-f", *SOURCES, PYTHONPYCACHEPREFIX=str(tmp_path))


@pytest.mark.parametrize("version", VERSIONS)
def test_digests_of_code_are_the_same(version: str) -> None:
    """Else another Python would train everything again."""
    if (python := interpreter(version)) is None:
        pytest.skip(f"no Python {version} on this machine")
    scripts = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
    program = "import sys; from bertfit.workflow import code_digest; print(*map(code_digest.of_script, sys.argv[1:]))"
    text = printed(python, "-c", program, *scripts, PYTHONPATH=str(ROOT / "scripts"))
    assert text.split() == [code_digest.of_script(script) for script in scripts]


def test_unit_tests_pass(second: Python) -> None:
    """But for those of the repository's own files, which are the same under each Python."""
    # Hypothesis's profile for CI has no deadline: two Pythons that test at once would break it.
    options = ["-p", "no:cacheprovider", "--hypothesis-profile=ci", "--ignore=tests/unit/repository"]
    if not second.has_torch:
        options += ["-p", "helpers.without_torch"]
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "tests")}
    summary = printed(second.path, "-m", "pytest", *options, "tests/unit", **variables).splitlines()[-1]
    counts = {outcome: int(count) for count, outcome in re.findall(r"(\d+) (passed|skipped)", summary)}
    assert counts["passed"] > counts.get("skipped", 0), summary


def test_a_dry_run_plans_the_whole_study(second: Python, workflow: Workflow) -> None:
    text = printed(second.path, "-m", "snakemake", "-n", folder=workflow.folder)
    assert re.search(r"^finetune +\d+$", text, re.MULTILINE), text[-2000:]
