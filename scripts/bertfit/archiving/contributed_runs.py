"""The blocks of seeds in an archive, and whether the same run in two archives has the same results, to the bit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.core.errors import UserError
from bertfit.evaluation.predictions import Evaluation, read_evaluations
from bertfit.experiments import ids, job_record
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.job_record import JobRecord
from bertfit.workflow.report_jobs import REPORTED_RUN_FILES

REMEDY = "fetch the archive again"


@dataclass(frozen=True)
class SeedResults:
    """One run: its ``evaluations`` by step, and its ``history``, lines of ``history.csv``."""

    evaluations: list[Evaluation]
    history: list[str]

    @property
    def error(self) -> float:
        """Of the last evaluation, in percent."""
        last = self.evaluations[-1]
        return 100 * float((last.predicted != last.labels).mean())

    def same(self, other: SeedResults) -> bool:
        """Whether predictions and history agree to the bit."""
        return self.history == other.history and [*map(_bits, self.evaluations)] == [*map(_bits, other.evaluations)]


@dataclass(frozen=True)
class ContributedBlock:
    """A block of seeds of a run group in an archive; ``path`` is its folder below the study's results."""

    archive: Unpacked
    path: str
    run_group: RunGroup
    seeds: list[int]

    @property
    def folder(self) -> Path:
        """Where it was unpacked to."""
        return self.archive.folder / self.archive.manifest.root / self.path

    @cached_property
    def record(self) -> JobRecord:
        """Its ``run.json``. Raises `UserError` where it is damaged."""
        return job_record.read(self.folder / "run.json", JobRecord, remedy=REMEDY)

    def contributor(self, seed: int) -> str:
        """Who trained a seed."""
        return self.archive.contributor_of(self.record.of_seed(seed))

    @cached_property
    def history(self) -> tuple[str, dict[int, list[str]]]:
        """``history.csv``: its header, and the lines of each seed. Raises `UserError` where it has other lines."""
        path = self.folder / "history.csv"
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        of_seed: dict[int, list[str]] = defaultdict(list)
        for line in lines:
            first = line.partition(",")[0]
            if not first.isdecimal() or int(first) not in self.seeds:
                raise UserError(f"{path}: {first[:20]!r} is not a seed of this block; {REMEDY}")
            of_seed[int(first)].append(line)
        return header, of_seed

    def results(self) -> dict[int, SeedResults]:
        """Seed -> its results. Raises `UserError` where files cannot be read or do not have the seeds of the block."""
        evaluations: dict[int, list[Evaluation]] = defaultdict(list)
        for evaluation in read_evaluations(self.folder / "predictions.parquet"):
            evaluations[evaluation.seed].append(evaluation)
        _, history = self.history
        if not evaluations.keys() == history.keys() == set(self.seeds):
            raise UserError(f"{self.folder}: its files do not have the seeds of this block; {REMEDY}")
        return {seed: SeedResults(evaluations[seed], history[seed]) for seed in self.seeds}


def blocks(archive: Unpacked) -> dict[RunGroup, list[ContributedBlock]]:
    """The blocks of an archive. Raises `UserError` for one without all its files, or whose name is none of a block."""
    found: dict[RunGroup, list[ContributedBlock]] = defaultdict(list)
    for path in archive.results:
        if path.parts[0] != "runs" or path.name != "predictions.parquet":
            continue
        for name in REPORTED_RUN_FILES:
            if f"{archive.manifest.root}/{path.with_name(name)}" not in archive:
                raise UserError(f"{archive.path}: {path.with_name(name)} is missing; {REMEDY}")
        names = path.parts[1:-1]
        if len(names) != 4:
            raise UserError(f"{archive.path}: {path} is not the path of a run; {REMEDY}")
        corpus, encoder, recipe, block = names
        found[RunGroup(corpus, encoder, recipe)].append(
            ContributedBlock(archive, path.parent.as_posix(), RunGroup(corpus, encoder, recipe), ids.parse_block(block))
        )
    return found


def largest_difference(one: Evaluation, other: Evaluation) -> float | None:
    """The largest difference of two logits of the same example and class; None where one is not a finite number."""
    difference = float(np.abs(one.logits.astype(np.float64) - other.logits).max())
    return difference if np.isfinite(difference) else None


def _bits(evaluation: Evaluation) -> tuple[object, ...]:
    return (
        evaluation.step,
        evaluation.epoch,
        evaluation.labels.tobytes(),
        evaluation.logits.shape,
        evaluation.logits.tobytes(),
        evaluation.sets,
    )
