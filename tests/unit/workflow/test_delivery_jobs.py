"""What a delivered model is made of: its run, the methods beside it, and what its card says."""

from __future__ import annotations

from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.delivery_jobs import DeliveryJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project

STUDY = {"finetune": {"epochs": 4}, "pretrain": {"batch_size": 32}}


def opened(**more: object) -> Registry:
    return open_registry(project.switches("example") | more, ROOT)


def test_the_card_says_what_was_reduced() -> None:
    spec = DeliveryJobs(TrainingJobs(opened())).spec()
    sizes = {size.key: (size.paper, size.here) for size in spec.sizes}
    assert sizes["finetune.max_length"] == (512, 32) and sizes["pretrain.steps"] == (100_000, 160)
    assert spec.row == "BERT-ITPT-FiT" and spec.text == "review" and spec.pretrained_on == ["texts"]
    assert [cell.row for cell in spec.cells] == ["TF-IDF + linear", "BERT-FiT", "BERT-ITPT-FiT"]
    assert spec.recipe.layer_decay == 0.95 and spec.recipe.truncation == "head+tail"
