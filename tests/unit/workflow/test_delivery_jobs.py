"""What follows the search on your own dataset: inputs and specifications of the exported classifier and the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.files import write_json
from bertfit.experiments.registry import open_registry
from bertfit.search.search_record import Choice, Final, MeasuredRun
from bertfit.workflow.delivery_jobs import DeliveryJobs
from bertfit.workflow.search_jobs import SearchJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project


@pytest.fixture
def delivery() -> DeliveryJobs:
    return DeliveryJobs(SearchJobs(TrainingJobs(open_registry(project.switches("example"), ROOT))))


def chosen(delivery: DeliveryJobs, candidate: str, folder: Path) -> str:
    """The record of a search that a candidate won."""
    spec = delivery.search.spec()
    run = next(run for run in spec.runs if run.candidate == candidate)
    scores = {"error": 0.1, "low": 0.05, "high": 0.2, "macro_f1": 0.9, "micro_f1": 0.9}
    times = {"seconds": 1, "pretraining_seconds": 0, "ended": run.epochs, "round": 1}
    winner = MeasuredRun.model_validate(run.model_dump() | scores | times)
    option = next(each for each in spec.finals if (each.candidate, each.epochs) == (candidate, run.epochs))
    choice = Choice(
        metric="error", winner=winner, final=Final(**option.model_dump(exclude={"candidate", "epochs"})),
        epochs=run.epochs, leads=[], measured=[winner], left_out={}, texts=8, budget=900, seconds=1,
    )  # fmt: skip
    path = folder / "choice.json"
    write_json(path, choice.model_dump(mode="json"))
    return str(path)


def test_what_is_delivered(delivery: DeliveryJobs) -> None:
    root = delivery.jobs.root
    names = {"model", "predictions.csv", "mistakes.csv", "report.html", "summary.json"}
    assert {f"{root}/{name}" for name in names} <= set(delivery.targets())
    assert delivery.coverage == f"{root}/corpora/texts/coverage.base.json"


def test_the_card_says_what_was_reduced(delivery: DeliveryJobs, tmp_path: Path) -> None:
    spec = delivery.spec(chosen(delivery, "further", tmp_path))
    sizes = {size.key: (size.paper, size.here) for size in spec.sizes}
    assert sizes["finetune.max_length"] == (512, 32) and sizes["finetune.lr"] == (2e-5, 1e-4)
    assert spec.text == "review" and spec.pretrained_on == ["texts"] and spec.seed == 1
    assert spec.recipe and spec.recipe.layer_decay == 0.95 and spec.recipe.save_model
    assert spec.pretrain and spec.encoder and spec.encoder.title == "all-MiniLM-L6-v2"


def test_a_model_without_pretraining_and_one_without_encoder(delivery: DeliveryJobs, tmp_path: Path) -> None:
    plain = delivery.spec(chosen(delivery, "plain", tmp_path))
    assert plain.pretrain is None and plain.pretrained_on == [] and plain.recipe
    words = delivery.spec(chosen(delivery, "words", tmp_path))
    assert (words.encoder, words.recipe, words.pretrain) == (None, None, None)


def test_the_model_is_that_of_the_whole_training_split(delivery: DeliveryJobs, tmp_path: Path) -> None:
    files = delivery.delivered(chosen(delivery, "plain", tmp_path))
    assert isinstance(files, dict)
    root = delivery.jobs.root
    assert files["models"] == f"{root}/runs/texts/base/save_model=true/seeds1-1/models"
    assert files["test"] == f"{root}/corpora/texts/test.parquet"
    measured = delivery.measured(str(tmp_path / "choice.json"))
    assert isinstance(measured, dict)
    assert measured["predictions"] == [f"{root}/runs/texts/base/save_model=true/seeds1-1/predictions.parquet"]
    assert measured["validated"] == f"{root}/runs/selection/base/default/seeds1-1/predictions.parquet"
