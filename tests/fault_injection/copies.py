"""Copies of the workflow for the fault-injection tests, and their comparison with an undisturbed one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bertfit.core import files
from conftest import ROOT, Workflow

TIMED = ("run.json", "plan.json", "plan.md", "calibration.json")  # with durations
IGNORED = ("logs", "benchmarks", ".state")


class Run:
    """A running Snakemake, in a process group of its own with all its jobs; what it prints goes to a file."""

    def __init__(self, copy: Copy) -> None:
        self.printed = copy.folder / "printed.log"
        with open(self.printed, "w", encoding="utf-8") as stream:
            self.process = subprocess.Popen(
                copy.command(), cwd=copy.folder, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )

    def text(self) -> str:
        return self.printed.read_text(encoding="utf-8", errors="replace")

    def done(self) -> int:
        """How many jobs it has finished."""
        return self.text().count("Finished jobid")

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill_all(self) -> None:
        """SIGKILL to Snakemake and all its jobs, also where Snakemake is dead already."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Copy(Workflow):
    """A copy of the workflow for one study."""

    def __init__(self, folder: Path, study: str) -> None:
        super().__init__(folder)
        self.study = study
        self.unlocked = self.repaired = 0  # how often a lock was removed and modification times were repaired
        for path in (ROOT / "tests/studies").glob("*.yaml"):
            shutil.copy2(path, folder / "studies")

    @classmethod
    def of(cls, other: Copy, folder: Path) -> Copy:
        """A copy of another copy, with its results and modification times."""
        shutil.copytree(other.folder, folder, symlinks=True)  # with times and attributes
        return cls.there(folder, other.study)

    @classmethod
    def there(cls, folder: Path, study: str) -> Copy:
        """An existing copy."""
        copy = cls.__new__(cls)
        copy.folder, copy.study, copy.unlocked, copy.repaired = folder, study, 0, 0
        return copy

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.study

    def command(self, *arguments: str) -> list[str]:
        own_output = "--printshellcmds"  # Snakemake's own lines, in place of the display
        return [sys.executable, "-m", "snakemake", own_output, *arguments, "--config", f"study={self.study}"]

    def once(self, *arguments: str) -> tuple[int, str]:
        """Run Snakemake to its end: exit status, and what it printed."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, done.stdout

    def recover(self) -> str:
        """The documented recovery: what the message asks for (--unlock, verify.py), then the same command again."""
        status, printed = self.once()
        if "cannot be locked" in printed:
            self.unlock()
            status, printed = self.once()
        if "the clock has been set back" in printed:
            self.repaired += 1
            self.verify()
            status, printed = self.once()
        if status:
            raise SystemExit(f"the run does not recover:\n{printed[-6000:]}")
        return printed

    def unlock(self) -> None:
        self.unlocked += 1
        status, printed = self.once("--unlock")
        if status:
            raise SystemExit(f"--unlock fails:\n{printed[-2000:]}")

    def verify(self) -> list[str]:
        """`scripts/verify.py --repair`: the changed files that it found and deleted, as in `outputs`."""
        script = self.folder / "scripts/verify.py"
        done = subprocess.run(
            [sys.executable, script, self.results, "--repair"], stdout=subprocess.PIPE, text=True, check=True
        )
        return [
            str(Path(line.removeprefix("changed: ")).relative_to(self.results))
            for line in done.stdout.splitlines()
            if line.startswith("changed: ")
        ]

    def outputs(self) -> dict[str, str]:
        """Path -> SHA-256 of the files of the results, without logs and files that contain durations."""
        return {
            str(path.relative_to(self.results)): files.sha256(path)
            for path in sorted(self.results.rglob("*"))
            if path.is_file() and path.relative_to(self.results).parts[0] not in IGNORED and not _timed(path)
        }

    def made_by(self) -> dict[str, str]:
        """Existing output -> the rule that makes it, from Snakemake's summary."""
        _, printed = self.once("--summary")
        prefix = f"results/{self.study}/"
        rows = [line.split("\t") for line in printed.splitlines() if line.startswith(prefix)]
        return {row[0].removeprefix(prefix): re.sub(r"_\d+$", "", row[2]) for row in rows}


def _timed(path: Path) -> bool:
    return path.name in TIMED or (path.name.startswith("report") and path.suffix == ".html")


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Lines for outputs that are missing, unexpected or different."""
    names = sorted(expected.keys() | found.keys())
    kinds = {name: _difference(expected.get(name), found.get(name)) for name in names}
    return [f"{name}: {kind}" for name, kind in kinds.items() if kind]


def _difference(expected: str | None, found: str | None) -> str:
    if expected == found:
        return ""
    return "missing" if found is None else "unexpected" if expected is None else "different bytes"


def remove(copy: Copy, names: Iterable[str]) -> int:
    """Delete outputs, so that a later run must make them again; returns their number."""
    names = list(names)
    for name in names:
        (copy.results / name).unlink()
    return len(names)
