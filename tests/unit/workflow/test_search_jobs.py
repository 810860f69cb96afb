"""Inputs and specifications of the search: the runs of a round, and the files of the winner."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.files import write_json
from bertfit.experiments.registry import open_registry
from bertfit.search.search_record import Choice, Final, MeasuredRun, Round
from bertfit.workflow.resources import Resources
from bertfit.workflow.search_jobs import RUN_FILES, SearchJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project


@pytest.fixture
def search() -> SearchJobs:
    return SearchJobs(TrainingJobs(open_registry(project.switches("example"), ROOT)))


def measured(search: SearchJobs, candidate: str) -> MeasuredRun:
    run = next(run for run in search.spec().runs if run.candidate == candidate)
    scores = {"error": 0.1, "low": 0.05, "high": 0.2, "macro_f1": 0.9, "micro_f1": 0.9}
    times = {"seconds": 1, "pretraining_seconds": 0, "ended": 1, "round": 1}
    return MeasuredRun.model_validate(run.model_dump() | scores | times)


def test_the_specification_names_every_run_once(search: SearchJobs) -> None:
    spec = search.spec()
    assert {run.candidate for run in spec.runs} == set(search.own.candidates)
    folders = [run.folder for run in spec.runs]
    assert len(set(folders)) == len(folders)
    words = next(option for option in spec.finals if option.candidate == "words")
    assert words.folders == ["runs/texts/tfidf/words/seeds1-1"]
    assert [Path(folder).parts[3] for folder in words.curve] == [f"words+fraction={s}" for s in (0.125, 0.25, 0.5)]


@pytest.mark.parametrize("gpus", [0, 1])
def test_what_reads_the_texts_once_asks_for_a_gpu_as_a_training_does(gpus: int) -> None:
    """Label errors are found on a GPU where trainings run on one, and on the CPU with gpus=0."""
    jobs = TrainingJobs(open_registry(project.switches("example") | {"gpus": gpus}, ROOT))
    assert Resources(jobs, 1).run(**SearchJobs(jobs).whole).gpu == gpus


def test_a_round_needs_the_corpus_and_the_runs_before_it(search: SearchJobs, tmp_path: Path) -> None:
    root = search.jobs.root
    first = search.round_inputs(1, lambda number: pytest.fail("no round is before the first"))
    assert first == {name: f"{root}/corpora/selection/{name}.{end}" for name, end in
                     (("train", "parquet"), ("card", "json"))}  # fmt: skip
    plan = Round(
        number=1, metric="error", runs=search.spec().runs[:2], left_out={}, measured=[], budget=9, seconds=1
    )  # fmt: skip
    record = tmp_path / "round1.json"
    write_json(record, plan.model_dump(mode="json"))
    second = search.round_inputs(2, lambda number: str(record) if number == 1 else "")
    assert isinstance(second, dict) and second["before"] == str(record)
    assert second["runs"] == [f"{root}/{run.folder}/{name}" for run in plan.runs for name in RUN_FILES]


def test_the_files_of_the_winner(search: SearchJobs, tmp_path: Path) -> None:
    winner = measured(search, "plain")
    option = next(option for option in search.spec().finals if option.candidate == "plain")
    choice = Choice(
        metric="error", winner=winner, final=Final(**option.model_dump(exclude={"candidate", "epochs"})),
        epochs=option.epochs, leads=[], measured=[winner], left_out={}, texts=8, budget=9, seconds=1,
    )  # fmt: skip
    path = tmp_path / "choice.json"
    write_json(path, choice.model_dump(mode="json"))
    files, root = search.final(str(path)), search.jobs.root
    assert files["models"] == f"{root}/{option.folders[0]}/models"
    assert files["validated"] == f"{root}/{winner.folder}/predictions.parquet"
    assert search.curve(str(path))[-1] == files["validated"] and len(search.curve(str(path))) == 4
