"""Writes ``envs/bertfit.post-deploy.sh``: the packages of a run, each with the SHA-256 of the file that pip takes.

``make lock`` does it, under Python 3.11 on Linux on x86-64, after a change of the requirements. Nothing is installed:
pip resolves the pins from the metadata of the index, and reports the digests that the index states. Files and further
indices that this machine's pip knows, such as builds of torch for CPUs, are left out.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
INSTALLER = ROOT / "envs/bertfit.post-deploy.sh"
PACKAGES, FILES = "requirements-classify.txt", "requirements-encoder.txt"
"""with all that they need, and alone, as only their files are read"""
CUDA, ALONE = "  # torch for CUDA", "  # files alone"
SUPPORTED = ("Linux", "x86_64", "3.11")
TEXT = """\
#!/usr/bin/env bash
# Installs the packages of a run: in the conda environment, where Snakemake runs this script, and in container images.
# With Python 3.11 on Linux on x86-64 each file must have its SHA-256; elsewhere the same versions are installed.
# Written by envs/lock.py (make lock) from requirements*.txt; do not edit.
set -euo pipefail
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
cat > "$lock" <<'LOCK'
{lines}
LOCK
pip=(python -m pip --disable-pip-version-check --no-input install --no-cache-dir)
if [ "$(uname -sm)" = "Linux x86_64" ]; then
    "${{pip[@]}}" --no-deps --require-hashes --requirement "$lock"
else
    # torch brings what it needs there
    sed -e '/#/d' -e 's/ --hash=.*//' "$lock" | "${{pip[@]}}" --requirement /dev/stdin
    sed -n '/{alone}$/s/ --hash=.*//p' "$lock" | "${{pip[@]}}" --no-deps --requirement /dev/stdin
fi
"""


def pinned(name: str) -> set[str]:
    """Canonical names that a requirements file and those that it includes pin."""
    names: set[str] = set()
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            names |= pinned(line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            names.add(canonicalize_name(line.partition("==")[0]))
    return names


def resolved(requirements: str, *options: str) -> dict[str, str]:
    """Canonical name -> ``NAME==VERSION --hash=sha256:...`` of all that pip would install."""
    local = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT")
    environment = {name: value for name, value in os.environ.items() if name not in local}
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", *options]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(
            [*command, "--report", str(report), "--requirement", requirements],
            check=True,
            cwd=ROOT,
            env=environment | {"PIP_CONFIG_FILE": os.devnull},
        )
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    lines: dict[str, str] = {}
    for each in installs:
        name, version = each["metadata"]["name"], each["metadata"]["version"]
        digest = each["download_info"]["archive_info"]["hashes"]["sha256"]
        lines[canonicalize_name(name)] = f"{name}=={version} --hash=sha256:{digest}"
    return lines


def installer(packages: dict[str, str], files: dict[str, str], named: set[str]) -> str:
    """The script. ``named``: packages that requirements pin; the others are libraries of torch for CUDA."""
    lines = [packages[name] for name in sorted(packages.keys() & named)]
    lines += [packages[name] + CUDA for name in sorted(packages.keys() - named)]
    lines += [files[name] + ALONE for name in sorted(files)]
    return TEXT.format(lines="\n".join(lines), alone=ALONE.strip())


def main() -> None:
    """Write the installer."""
    machine = (platform.system(), platform.machine(), ".".join(platform.python_version_tuple()[:2]))
    if machine != SUPPORTED:
        sys.exit(f"error: the lock is made on {' '.join(SUPPORTED)}, and this is {' '.join(machine)}")
    files = resolved(FILES, "--no-deps")
    INSTALLER.write_text(installer(resolved(PACKAGES), files, pinned(PACKAGES)), encoding="utf-8")


if __name__ == "__main__":
    main()
