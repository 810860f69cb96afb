"""Which archive each run of a merged study comes from; runs that several have are compared.

``archives`` are in the order in which they count: those that are preferred, then the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bertfit.archiving.contributed_runs import REMEDY, ContributedBlock, SeedResults, blocks, largest_difference
from bertfit.archiving.unpacked_archive import SHOWN, Unpacked
from bertfit.config.corpus_schema import SPLITS
from bertfit.contributions.contributed import RepeatedRun
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Job
from bertfit.experiments.job_record import JobRecord
from bertfit.experiments.job_specs import plain
from bertfit.workflow.training_jobs import TrainingJobs

LONGEST = 200  # characters of a device's name


@dataclass(frozen=True)
class SourceBlock:
    """A contributed block, and the seeds that are taken from it."""

    block: ContributedBlock
    seeds: list[int]


@dataclass(frozen=True)
class RunChoice:
    """``sources``: folder of a merged block -> the blocks that it is made of, by seeds.

    ``repeated``: runs whose results differ; ``conflicts``: a line for each of these that no preference decides.
    """

    sources: dict[str, list[SourceBlock]] = field(default_factory=dict)
    repeated: list[RepeatedRun] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def choose(
    jobs: TrainingJobs, wanted: Iterable[Job], archives: Sequence[Unpacked], preferred: Collection[Path]
) -> RunChoice:
    """The blocks of which each of the ``wanted`` blocks is made.

    Raises `UserError` for runs that no archive has, and for records that do not belong to this study.
    """
    having = [blocks(archive) for archive in archives]
    choice = RunChoice()
    missing = []
    for job in wanted:
        given = [block for of_archive in having for block in of_archive.get(job.run_group, [])]
        given = [block for block in given if set(block.seeds) & set(job.seeds)]
        if lacking := sorted(set(job.seeds).difference(*(block.seeds for block in given))):
            missing.append(f"{jobs.root}/{job.path}: no archive has this record ({_seeds(lacking)})")
            continue
        for block in given:
            _check(block, given[0], jobs)
        choice.sources[job.path] = _sources(job, given, choice, preferred)
    if missing:
        more = f"\nand {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
        raise UserError(
            "\n".join(missing[:SHOWN]) + f"{more}\nrun the part that it belongs to again: all seeds that the archives "
            "select are needed of all their artefacts and corpora"
        )
    return choice


def _sources(
    job: Job, given: Sequence[ContributedBlock], choice: RunChoice, preferred: Collection[Path]
) -> list[SourceBlock]:
    """The first block that has each seed; what others have of it is compared."""
    taken: dict[str, SourceBlock] = {}
    results: dict[str, dict[int, SeedResults]] = {}

    def result(block: ContributedBlock, seed: int) -> SeedResults:
        if str(block.folder) not in results:
            results[str(block.folder)] = block.results()
        return results[str(block.folder)][seed]

    for seed in job.seeds:
        first, *others = [block for block in given if seed in block.seeds]
        taken.setdefault(str(first.folder), SourceBlock(first, [])).seeds.append(seed)
        for other in others:
            if _same_files(first, other) or result(first, seed).same(result(other, seed)):
                continue
            repeated = _repeated(seed, first, other, result(first, seed), result(other, seed))
            choice.repeated.append(repeated)
            if first.archive.path not in preferred:
                choice.conflicts.append(_conflict(repeated, first, other))
    return list(taken.values())


def _same_files(first: ContributedBlock, other: ContributedBlock) -> bool:
    digests = [
        [
            block.archive.manifest.sha256[f"{block.archive.manifest.root}/{block.path}/{name}"]
            for name in ("predictions.parquet", "history.csv")
        ]
        for block in (first, other)
    ]
    return digests[0] == digests[1]


def _check(block: ContributedBlock, first: ContributedBlock, jobs: TrainingJobs) -> None:
    """Raise `UserError` unless a block is of the study's values, and of the code and tokens of another one."""
    group = block.run_group
    if group.encoder == BASELINE:
        values = plain(jobs.baseline_spec(group.corpus))
    else:
        seeds = ids.format_block(block.seeds)
        values = plain(jobs.block_spec(group.corpus, group.encoder, group.recipe, seeds))
    for record in block.record.jobs:
        expected = values | ({"seeds": record.spec.get("seeds")} if block.record.joined else {})
        if record.spec != expected:
            raise UserError(
                f"{block.archive.path}: {block.path} was made with other values than the study's "
                f"({_first_difference(record.spec, expected)}); run it again"
            )
        if record.code != first.record.code:
            raise UserError(
                f"{block.path} was made by other code in {first.archive.path} and {block.archive.path}; run one of "
                "them again"
            )
        for split in SPLITS:
            ours, theirs = first.record.inputs.get(split), record.inputs.get(split)
            if ours and theirs and ours.sha256 != theirs.sha256:
                raise UserError(
                    f"{block.path} was made of other {split} tokens in {first.archive.path} and {block.archive.path}: "
                    "the corpus, or the versions of packages that wrote its tokens, are not the same; run one of them "
                    "again"
                )


def _first_difference(given: dict[str, Any], expected: dict[str, Any]) -> str:
    key = next(key for key in sorted(given.keys() | expected.keys()) if given.get(key) != expected.get(key))
    ours, theirs = given.get(key), expected.get(key)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return f"{key}.{_first_difference(ours, theirs)}"
    return f"{key}: {str(ours)[:LONGEST]} and {str(theirs)[:LONGEST]}"


def _repeated(
    seed: int, first: ContributedBlock, other: ContributedBlock, kept: SeedResults, again: SeedResults
) -> RepeatedRun:
    """How far apart the results of a run are. Raises `UserError` where they are of other test examples."""
    ours, theirs = kept.evaluations[-1], again.evaluations[-1]
    if not np.array_equal(ours.labels, theirs.labels) or ours.logits.shape != theirs.logits.shape:
        raise UserError(
            f"{first.path} has other test examples in {first.archive.path} than in {other.archive.path}; {REMEDY}"
        )
    return RepeatedRun(
        run="/".join(vars(first.run_group).values()),
        seed=seed,
        kept=first.contributor(seed),
        other=other.contributor(seed),
        devices=(device(first.record.of_seed(seed)), device(other.record.of_seed(seed))),
        errors=(kept.error, again.error),
        examples=len(ours.labels),
        changed=int((ours.predicted != theirs.predicted).sum()),
        logits=largest_difference(ours, theirs),
    )


def _conflict(repeated: RepeatedRun, first: ContributedBlock, other: ContributedBlock) -> str:
    kept, again = first.record.of_seed(repeated.seed), other.record.of_seed(repeated.seed)
    ours = ", ".join(filter(None, (device(kept), _other_versions(kept, again))))
    theirs = ", ".join(filter(None, (device(again), _other_versions(again, kept))))
    logits = "" if repeated.logits is None else f", logits by at most {repeated.logits:.2g}"
    return (
        f"  runs/{repeated.run} seed {repeated.seed}: {first.archive.path} ({ours}) {repeated.errors[0]:.2f} % and "
        f"{other.archive.path} ({theirs}) {repeated.errors[1]:.2f} %; {repeated.changed:,} of "
        f"{repeated.examples:,} predictions differ{logits}"
    )


def device(record: JobRecord) -> str:
    """The device of a job, on one line."""
    return " ".join(record.machine.device.split())[:LONGEST]


def _other_versions(mine: JobRecord, theirs: JobRecord) -> str:
    names = [name for name, number in mine.versions.items() if theirs.versions.get(name) != number]
    return ", ".join(f"{name} {mine.versions[name]}" for name in names)


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
