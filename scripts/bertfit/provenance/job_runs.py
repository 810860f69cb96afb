"""The jobs that made the records and results of a study: script, files, times, cost.

Three sources, each of which says only what it knows: the records of trainings (``run.json``), the jobs that an archive
lists (scores, tables, verdicts, report), and, on the machine that ran the study, what Snakemake recorded
(`snakemake_records`): times, and the jobs before the trainings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bertfit.archiving.archive_jobs import paths
from bertfit.data.corpus_card import CorpusCard, LocalOrigin, PackageOrigin
from bertfit.experiments.job_record import JobRecord
from bertfit.experiments.summary_specs import TrainingStage
from bertfit.provenance.snakemake_records import RecordedJob
from bertfit.provenance.study_facts import StudyFacts
from bertfit.workflow.training_jobs import ENCODER_FILES

SCRIPTS: dict[TrainingStage, str] = {
    "fetched": "fetch_encoder",
    "pre-training": "pretrain_encoder",
    "multi-task fine-tuning": "multitask_encoder",
    "features": "train_on_features",
    "fine-tuning": "finetune",
    "baseline": "run_baseline",
}
"""stage of a training -> its script"""
RUN_FILES = ("predictions.parquet", "history.csv", "run.json")
CORPUS_FILES = ("train.parquet", "test.parquet", "clusters.parquet", "card.json")
FILES_OF_ENCODER = tuple(ENCODER_FILES.values())


@dataclass(frozen=True)
class UsedFile:
    """A file that a job read, and its digest where the job recorded it."""

    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class JobRun:
    """A finished job. ``corpus``: the one that it reads from its source; times in seconds since 1970, if known."""

    script: str
    inputs: tuple[UsedFile, ...]
    outputs: tuple[str, ...]
    corpus: str | None = None
    record: JobRecord | None = None
    started: float | None = None
    ended: float | None = None


def of_study(facts: StudyFacts, recorded: Mapping[str, RecordedJob], scripts: Mapping[str, str]) -> list[JobRun]:
    """The jobs of a study, in the order of the pipeline.

    ``recorded``: output -> what Snakemake recorded of its job, if it did; ``scripts``: rule -> its script.
    """
    there = facts.manifest.sha256.keys() | {each.path for record in facts.records for each in record.inputs.values()}
    jobs = [_corpus(facts.root, name, card, there) for name, card in facts.cards.items()]
    jobs += _encoders(facts, there)
    for block, record in facts.runs:
        folder = f"{facts.root}/{block.path}"
        jobs.append(_training(SCRIPTS[block.stage], record, [f"{folder}/{name}" for name in RUN_FILES]))
    for job in facts.manifest.jobs:
        inputs = tuple(UsedFile(path) for path in paths(job.input))
        jobs.append(JobRun(job.script, inputs, tuple(paths(job.output))))
    return [*_earlier(jobs, recorded, scripts), *(_timed(job, recorded) for job in jobs)]


def recorded_digests(jobs: Iterable[JobRun]) -> dict[str, set[str]]:
    """Path -> the digests that jobs recorded of it as their input."""
    found: dict[str, set[str]] = defaultdict(set)
    for used in (each for job in jobs for each in job.inputs if each.sha256):
        found[used.path].add(used.sha256 or "")
    return found


# ---------------------------------------------------------------------------------------------- records


def _corpus(root: str, name: str, card: CorpusCard, there: set[str]) -> JobRun:
    """The job that read a corpus. Its other outputs than card and clusters count where a training recorded them."""
    files = card.source.files.values() if isinstance(card.source, LocalOrigin | PackageOrigin) else ()
    inputs = tuple(UsedFile(file.path, file.sha256) for file in files)
    outputs = [f"{root}/corpora/{name}/{file}" for file in CORPUS_FILES]
    return JobRun("build_corpus", inputs, tuple(path for path in outputs if path in there), corpus=name)


def _encoders(facts: StudyFacts, there: set[str]) -> list[JobRun]:
    """The jobs of encoders; checkpoints that a longer run saved are outputs of the job of its last one."""
    saved: dict[str, list[str]] = defaultdict(list)
    for encoder, _ in facts.encoders:
        saved[encoder.saved_from or encoder.encoder].append(encoder.encoder)
    jobs = []
    for encoder, record in facts.encoders:
        if encoder.encoder in saved:
            files = [
                f"{facts.root}/encoders/{name}/{file}" for name in saved[encoder.encoder] for file in FILES_OF_ENCODER
            ]
            jobs.append(_training(SCRIPTS[encoder.stage], record, [path for path in files if path in there]))
    return jobs


def _training(script: str, record: JobRecord, outputs: Iterable[str]) -> JobRun:
    inputs = tuple(UsedFile(each.path, each.sha256) for each in record.inputs.values())
    return JobRun(script, inputs, tuple(outputs), record=record)


# ---------------------------------------------------------------------------------------------- Snakemake


def _timed(job: JobRun, recorded: Mapping[str, RecordedJob]) -> JobRun:
    """The job with its times, where Snakemake recorded the job of its outputs."""
    found = [recorded[path] for path in job.outputs if path in recorded]
    if not found:
        return job
    return JobRun(**{**vars(job), "started": found[0].starttime, "ended": found[0].endtime})


def _earlier(jobs: Iterable[JobRun], recorded: Mapping[str, RecordedJob], scripts: Mapping[str, str]) -> list[JobRun]:
    """The recorded jobs whose outputs the others read, directly or not, in the order of their ends."""
    made = {path for job in jobs for path in job.outputs}
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)  # a job's outputs, by its rule and log
    for output, job in recorded.items():
        together[_key(job)].append(output)
    found: dict[tuple[str, ...], JobRun] = {}
    wanted = [each.path for job in jobs for each in job.inputs]
    while wanted:
        path = wanted.pop()
        if path in made or path not in recorded or recorded[path].rule not in scripts:
            continue
        job = recorded[path]
        outputs = tuple(sorted(together[_key(job)]))
        made.update(outputs)
        inputs = tuple(UsedFile(each) for each in job.input or [])
        found[_key(job)] = JobRun(scripts[str(job.rule)], inputs, outputs, started=job.starttime, ended=job.endtime)
        wanted += [each.path for each in inputs]
    return sorted(found.values(), key=lambda job: (job.ended or 0.0, job.outputs))


def _key(job: RecordedJob) -> tuple[str, ...]:
    return (str(job.rule), *(job.log or ()))
