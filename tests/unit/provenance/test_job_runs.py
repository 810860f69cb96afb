"""The jobs of the made-up study: from records alone, and with what Snakemake recorded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bertfit.experiments.job_record import InputFile
from bertfit.provenance import job_runs
from bertfit.provenance.job_runs import JobRun, UsedFile
from bertfit.provenance.snakemake_records import RecordedJob
from bertfit.provenance.study_facts import StudyFacts
from helpers import crated

ROOT = "results/tiny"


@pytest.fixture
def facts(archived: Path, tmp_path: Path) -> StudyFacts:
    return crated.facts(archived, tmp_path / "study")


def by_output(jobs: list[JobRun]) -> dict[str, JobRun]:
    return {path: job for job in jobs for path in job.outputs}


def test_from_the_records(facts: StudyFacts) -> None:
    jobs = job_runs.of_study(facts, {}, {})
    made = by_output(jobs)
    assert set(facts.manifest.made) <= made.keys(), "every result has a job"
    assert Counter(path for job in jobs for path in job.outputs).most_common(1)[0][1] == 1, "and one alone"
    assert all(job.started is None and job.ended is None for job in jobs), "nobody recorded a time"
    block = facts.runs[0][0]
    assert made[f"{ROOT}/{block.path}/predictions.parquet"].script == "finetune"
    assert made[f"{ROOT}/corpora/imdb/card.json"].corpus == "imdb"
    assert made[f"{ROOT}/report.html"].script == "build_report"


def test_checkpoints_are_outputs_of_the_job_that_saved_them(facts: StudyFacts) -> None:
    saved = {each.encoder: each.saved_from for each, _ in facts.encoders if each.saved_from}
    assert saved, "the study has checkpoints"
    made = by_output(job_runs.of_study(facts, {}, {}))
    for encoder, end in saved.items():
        assert made[f"{ROOT}/encoders/{encoder}/run.json"] is made[f"{ROOT}/encoders/{end}/run.json"]


def test_inputs_have_the_recorded_digests(facts: StudyFacts) -> None:
    (block, record), weights = facts.runs[0], f"{ROOT}/encoders/mini/model.safetensors"
    record = record.model_copy(update={"inputs": {"encoder": InputFile(path=weights, sha256="ab" * 32)}})
    facts.__dict__["runs"] = [(block, record), *facts.runs[1:]]
    jobs = job_runs.of_study(facts, {}, {})
    assert by_output(jobs)[f"{ROOT}/{block.path}/run.json"].inputs == (UsedFile(weights, "ab" * 32),)
    assert job_runs.recorded_digests(jobs)[weights] == {"ab" * 32}
    assert weights in by_output(jobs), "so that it is an output of the pre-training"


def test_times_and_earlier_jobs(facts: StudyFacts) -> None:
    (block, record), tokens = facts.runs[0], f"{ROOT}/tokens/mini/imdb/train.arrow"
    record = record.model_copy(update={"inputs": {"train": InputFile(path=tokens, sha256="ab" * 32)}})
    facts.__dict__["runs"] = [(block, record), *facts.runs[1:]]
    words, folder = f"{ROOT}/vocabularies/mini/tokenizer.json", f"{ROOT}/{block.path}"

    def recorded(rule: str, inputs: list[str], start: float) -> RecordedJob:
        return RecordedJob.model_validate(crated.job(rule, inputs, start))

    known = {
        tokens: recorded("cut", [words, f"{ROOT}/corpora/imdb/train.parquet"], 20.0),
        words: recorded("count", [], 5.0),
        f"{ROOT}/vocabularies/mini/vocab.txt": recorded("count", [], 5.0),
        f"{ROOT}/unread.txt": recorded("count_more", [], 6.0),
        f"{folder}/run.json": recorded("finetune", [tokens], 40.0),
    }
    rules = {"cut": "tokenize_corpus", "count": "build_vocabulary", "count_more": "build_vocabulary"}
    jobs = job_runs.of_study(facts, known, rules)
    assert [(job.script, job.ended) for job in jobs[:2]] == [("build_vocabulary", 15.0), ("tokenize_corpus", 30.0)]
    assert jobs[0].outputs == (words, f"{ROOT}/vocabularies/mini/vocab.txt"), "all outputs of a job are together"
    assert (by_output(jobs)[f"{folder}/run.json"].started, f"{ROOT}/unread.txt" in by_output(jobs)) == (40.0, False)
    assert len(jobs) == len(job_runs.of_study(facts, {}, {})) + 2
    assert job_runs.of_study(facts, known, {})[0].script == "build_corpus", "a rule of another workflow is left out"
