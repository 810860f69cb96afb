"""The job that is passed to the script of a rule, run by Snakemake, `scripts/run_job.py` or `rebuild`.

``scripts/<rule>.py`` defines ``main(job: RuleJob)`` and ends with two lines that pass Snakemake's object on::

    if __name__ == "__main__":
        run_script(main, globals())
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertfit.runtime import job_log


class JobFiles:
    """Inputs or outputs of a job, by position and, where the rule names them, by name.

    ``files[0]`` is the file at a position, ``files["train"]`` the only file of a name, ``files.group("cards")`` all
    files of a name.
    """

    def __init__(self, files: Iterable[str | Path], names: Mapping[str, str | Iterable[str]] | None = None) -> None:
        self._files = [Path(str(path)) for path in files]
        self._groups = {
            name: [Path(str(path)) for path in ([paths] if isinstance(paths, str) else paths)]
            for name, paths in (names or {}).items()
        }

    @classmethod
    def of(cls, files: Iterable[str] | Mapping[str, str | Iterable[str]]) -> JobFiles:
        """From a list of paths, or from names with a path or a list of paths each."""
        if not isinstance(files, Mapping):
            return cls(files)
        groups = cls((), files)._groups
        return cls((path for group in groups.values() for path in group), files)

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._files)

    def __getitem__(self, key: int | str) -> Path:
        """Raises `IndexError` or `KeyError` if there is no such file, `ValueError` if a name has several."""
        if isinstance(key, int):
            return self._files[key]
        (path,) = self._groups[key]
        return path

    def get(self, name: str) -> Path | None:
        """The file of an optional input or output; None if the rule has none."""
        return self[name] if self._groups.get(name) else None

    def group(self, name: str) -> list[Path]:
        """All files of a name."""
        return list(self._groups[name])

    def named(self) -> dict[str, Path]:
        """Name -> file, for a job whose names have one file each."""
        return {name: self[name] for name in self._groups}


@dataclass(frozen=True)
class JobIdentity:
    """What a result depends on apart from its input files: recorded in ``run.json``, and identifies a resume state."""

    code: str
    """`code_digest.of_script` of the script"""
    spec: Mapping[str, Any]
    """the job specification: every value that the result depends on (`experiments.job_specs`)"""


@dataclass(frozen=True)
class RuleJob:
    """Files, specification and resources that a rule passes to its script; ``spec``, ``code``: see `JobIdentity`."""

    input: JobFiles
    output: JobFiles
    spec: dict[str, Any]
    log: Path
    code: str = ""
    threads: int = 1
    resources: Mapping[str, Any] = field(default_factory=dict)
    wildcards: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, snakemake: Any) -> RuleJob:
        """From the ``snakemake`` object of a script, or from one of Snakemake's own jobs."""
        return cls(
            input=JobFiles(snakemake.input, dict(snakemake.input.items())),
            output=JobFiles(snakemake.output, dict(snakemake.output.items())),
            spec=snakemake.params.job["spec"],
            code=snakemake.params.job["code"],
            log=Path(str(snakemake.log[0])),
            threads=snakemake.threads,
            resources=dict(snakemake.resources.items()),
            wildcards=dict(snakemake.wildcards.items()),
        )

    @property
    def identity(self) -> JobIdentity:
        """The parameter ``job`` of the rule."""
        return JobIdentity(self.code, self.spec)


Main = Callable[[RuleJob], None]


def run_script(main: Main, names: Mapping[str, Any]) -> None:
    """Run ``main`` on the ``snakemake`` object in ``names``, the globals of a script."""
    if "snakemake" not in names:
        sys.exit(
            "error: this script is run by Snakemake; to run one job: python scripts/run_job.py OUTPUT (see --help)"
        )
    logged(main, RuleJob.of(names["snakemake"]))


def logged(main: Main, job: RuleJob) -> None:
    """Run ``main`` on a job, with its output in the log of the job (see `job_log.to`)."""
    with job_log.to(str(job.log), job.input):
        main(job)


def load_main(script: Path) -> Main:
    """The function ``main`` of ``scripts/<rule>.py``."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Main = module.main
    return main
