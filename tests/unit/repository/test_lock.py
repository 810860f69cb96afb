"""The installer of a run's packages, which conda environment and images share: its pins and digests are the lock's."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from conftest import ROOT

INSTALLER = ROOT / "envs/bertfit.post-deploy.sh"
PIN_FILE = ROOT / "envs/bertfit.linux-64.pin.txt"
LOCK = runpy.run_path(str(ROOT / "envs/lock.py"))
LINE = re.compile(r"([\w.-]+)==([\w.]+) --hash=sha256:([0-9a-f]{64})(  # [\w ]+)?")
ADDRESS = re.compile(
    r"https://conda\.anaconda\.org/conda-forge/(?:linux-64|noarch)/"
    r"(?P<name>[\w.-]+)-(?P<version>[\w.]+)-(?P<build>\w+)\.conda#(?P<md5>[0-9a-f]{32})"
)


def lock() -> str:
    """The requirements within the installer."""
    return INSTALLER.read_text().split("<<'LOCK'\n")[1].split("\nLOCK\n")[0]


def locked() -> list[tuple[str, str, str, str]]:
    """(canonical name, version, digest, remark) of each line of the lock."""
    found = [LINE.fullmatch(line) for line in lock().splitlines()]
    assert all(found), "each line a pin with one digest"
    groups = [match.groups(default="") for match in found if match]
    return [(canonicalize_name(name), version, digest, remark) for name, version, digest, remark in groups]


def requirements(name: str) -> dict[str, str]:
    """Canonical name -> version of a requirements file and those that it includes."""
    pins: dict[str, str] = {}
    for line in (ROOT / name).read_text().splitlines():
        if line.startswith("-r "):
            pins |= requirements(line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            package, version = line.split("==")
            pins[canonicalize_name(package)] = version
    return pins


def run(folder: Path, system: str, machine: str) -> list[tuple[list[str], list[str]]]:
    """Run the installer where ``uname`` says so and ``python`` records its arguments, and the requirements it reads."""
    record = folder / "record"
    (folder / "uname").write_text(f"#!/bin/sh\necho {system} {machine}\n")
    (folder / "python").write_text(f'#!/bin/sh\necho "$@" >> {record}\nfor last; do :; done\ncat "$last" >> {record}\n')
    for name in ("uname", "python"):
        (folder / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder)}
    subprocess.run(["bash", str(INSTALLER)], check=True, env=environment)
    assert not list(folder.glob("tmp.*")), "the temporary lock is removed"
    calls: list[tuple[list[str], list[str]]] = []
    for line in record.read_text().splitlines():
        if line.startswith("-m pip"):
            calls.append((line.split(), []))
        else:
            calls[-1][1].append(line)
    return calls


def test_pins_are_those_of_the_requirements() -> None:
    """With the libraries that torch for CUDA needs, which torch pins itself."""
    lines = locked()
    pinned = {name: version for name, version, *_ in lines}
    assert len(pinned) == len(lines)
    alone = {name: version for name, version, _, remark in lines if remark == LOCK["ALONE"]}
    of_cuda = {name for name, _, _, remark in lines if remark == LOCK["CUDA"]}
    named = requirements("requirements-classify.txt")
    assert alone == requirements("requirements-encoder.txt")
    assert {name: version for name, version in pinned.items() if name not in of_cuda | alone.keys()} == named
    assert of_cuda and all(re.match(r"(cuda|nvidia)-|triton$", name) for name in of_cuda)


def test_the_installer_is_what_the_generator_writes() -> None:
    bare = {canonicalize_name(line.partition("==")[0]): line.partition("  #")[0] for line in lock().splitlines()}
    files = {name: bare.pop(name) for name in requirements("requirements-encoder.txt")}
    assert LOCK["installer"](bare, files, LOCK["pinned"]("requirements-classify.txt")) == INSTALLER.read_text()


def test_on_linux_every_file_is_that_of_its_digest(tmp_path: Path) -> None:
    (call,) = run(tmp_path, "Linux", "x86_64")
    assert {"--require-hashes", "--no-deps"} <= set(call[0])
    assert len(call[1]) == len(locked()) and all(" --hash=sha256:" in line for line in call[1])


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_elsewhere_the_same_versions_are_installed(tmp_path: Path, system: str, machine: str) -> None:
    (command, packages), (of_files, files) = run(tmp_path, system, machine)
    assert "--no-deps" not in command and "--no-deps" in of_files
    for read, name in ((packages, "requirements-classify.txt"), (files, "requirements-encoder.txt")):
        pins = [line.split()[0].split("==") for line in read]
        assert {canonicalize_name(package): version for package, version in pins} == requirements(name)


def test_the_pin_file_has_the_python_of_environment_and_images() -> None:
    """Explicit addresses with digests: conda neither solves nor guesses."""
    lines = PIN_FILE.read_text().splitlines()
    explicit, *addresses = [line for line in lines if not line.startswith("#")]
    assert explicit == "@EXPLICIT" and "# platform: linux-64" in lines
    found = {match["name"]: match["version"] for line in addresses if (match := ADDRESS.fullmatch(line))}
    assert len(found) == len(addresses), "each line one package with its MD5"
    for declared in YAML(typ="safe").load(ROOT / "envs/bertfit.yaml")["dependencies"]:
        name, _, version = declared.partition("=")
        assert f"{found[name]}.".startswith(f"{version}." if version else ""), declared
    assert found["python_abi"] == ".".join(found["python"].split(".")[:2]) == LOCK["SUPPORTED"][2]
