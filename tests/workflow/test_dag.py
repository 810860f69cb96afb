"""What Snakemake makes of the studies: every target is found, ids survive, a dry run is quick."""

from __future__ import annotations

import shlex
import time

import pytest
from snakemake.target_jobs import parse_target_jobs_cli_args
from snakemake_interface_executor_plugins.utils import TargetSpec, encode_target_jobs_cli_args

from bertfit import ids
from bertfit.jobs import Jobs
from bertfit.registry import open_registry
from conftest import ROOT

STUDIES = sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
# (cells, distinct runs, jobs, encoders): the same experiment in two artefacts is one run.
SIZES = {
    "miniature": "16 cells, 45 distinct runs, 15 jobs, 1 encoders",
}


@pytest.mark.parametrize("study", STUDIES)
def test_size_of_a_study(study: str) -> None:
    registry = open_registry({"study": study}, ROOT)
    print(study, registry.summary())
    assert registry.summary() == SIZES[study]


@pytest.mark.parametrize("study", STUDIES)
def test_ids_survive_the_hand_over_of_jobs(study: str) -> None:
    """A cluster job is told its wildcards on the command line as rule:name=value,name=value."""
    registry = open_registry({"study": study}, ROOT)
    for job in registry.jobs():
        trainee = job.trainee
        wildcards = {"corpus": trainee.corpus, "encoder": trainee.encoder, "recipe": trainee.recipe, "block": job.block}
        told = encode_target_jobs_cli_args([TargetSpec("finetune", wildcards)])
        assert parse_target_jobs_cli_args(shlex.split(" ".join(told)))[0].wildcards_dict == wildcards
        assert ids.format_recipe(registry.recipe(trainee.recipe), registry.default) == trainee.recipe
        assert ids.format_encoder(ids.parse_encoder(trainee.encoder)) == trainee.encoder
        assert all(len(value) < 100 for value in wildcards.values())


@pytest.mark.parametrize("study", STUDIES)
def test_dry_run_of_all_is_quick(make_workflow, study: str) -> None:
    workflow = make_workflow(study)
    began = time.perf_counter()
    printed = workflow.run("-n", "-q", "--config", f"study={study}")
    assert time.perf_counter() - began < 10
    assert "Error" not in printed


def test_each_artefact_is_a_target(make_workflow) -> None:
    workflow = make_workflow("targets")
    registry = open_registry({}, ROOT)
    for artefact in registry.artefacts:
        printed = workflow.run("-n", artefact)
        for path in Jobs(registry).targets(artefact):
            assert path in printed


def test_training_jobs_ask_for_a_gpu_where_told(make_workflow) -> None:
    workflow = make_workflow("gpu")
    assert "gpu=1" in workflow.run("-n", "table2", "--config", "gpus=1")
    assert "gpu=1" not in workflow.run("-n", "table2", "--config", "gpus=0")


def test_a_mistake_is_told_without_a_traceback(workflow) -> None:
    workflow.edit("config.yaml", "lr: 2e-5", "lrr: 2e-5")
    printed = workflow.run("-n", ok=False)
    assert "unknown key 'lrr'" in printed and "did you mean 'lr'" in printed and "Traceback" not in printed
