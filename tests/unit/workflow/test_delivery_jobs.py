"""What a delivered model is made of: its run, the methods beside it, and what its card says."""

from __future__ import annotations

from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.delivery_jobs import DeliveryJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project


def opened(**more: object) -> Registry:
    return open_registry(project.switches("example") | more, ROOT)


def test_the_card_says_what_was_reduced() -> None:
    spec = DeliveryJobs(TrainingJobs(opened())).spec()
    sizes = {size.key: (size.paper, size.here) for size in spec.sizes}
    assert sizes["finetune.max_length"] == (512, 32) and sizes["pretrain.steps"] == (100_000, 160)
    assert spec.row == "BERT-ITPT-FiT" and spec.text == "review" and spec.pretrained_on == ["texts"]
    assert [cell.row for cell in spec.cells] == ["TF-IDF + linear", "BERT-FiT", "BERT-ITPT-FiT"]
    assert spec.recipe.layer_decay == 0.95 and spec.recipe.truncation == "head+tail"


def test_what_is_delivered_and_the_run_it_is_taken_from() -> None:
    delivery = DeliveryJobs(TrainingJobs(opened()))
    root = delivery.jobs.root
    assert delivery.targets() == [f"{root}/model", f"{root}/predictions.csv", f"{root}/mistakes.csv"]
    artefact, row = delivery.own.row
    assert delivery.artefact == artefact and row == "BERT-ITPT-FiT"
    assert delivery.figure.startswith(f"{root}/figures/") and delivery.figure.endswith(".png")
    (job,) = {job.path for job in delivery.jobs.registry.jobs() if f"{root}/{job.path}" == delivery.run}
    assert "/texts/" in job


def test_other_studies_deliver_nothing() -> None:
    delivery = DeliveryJobs(TrainingJobs(open_registry({}, ROOT)))
    assert (delivery.own, delivery.targets(), delivery.artefact) == (None, [], "")
