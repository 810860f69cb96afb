"""What Snakemake makes of the studies: every target is found, ids survive, a dry run is quick."""

from __future__ import annotations

import csv
import re
import resource
import shlex

import pytest
from snakemake.target_jobs import parse_target_jobs_cli_args
from snakemake_interface_executor_plugins.utils import TargetSpec, encode_target_jobs_cli_args

from bertfit.experiments import ids
from bertfit.experiments.registry import RunGroup, open_registry
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project

STUDIES = sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
# (cells, distinct runs, jobs, encoders): the same experiment in two artefacts is one run.
SIZES = {
    "example": "0 cells, 112 distinct runs, 0 jobs, 3 encoders",
    "miniature": "238 cells, 761 distinct runs, 180 jobs, 118 encoders",
    "compact": "257 cells, 580 distinct runs, 580 jobs, 22 encoders",
    "compact-cpu": "33 cells, 31 distinct runs, 31 jobs, 1 encoders",
    "trec-cpu": "41 cells, 35 distinct runs, 35 jobs, 3 encoders",
    "samples": "42 cells, 112 distinct runs, 42 jobs, 34 encoders",
    "reviews": "78 cells, 195 distinct runs, 51 jobs, 29 encoders",
    "modern": "497 cells, 1650 distinct runs, 633 jobs, 36 encoders",
    "paper": "292 cells, 911 distinct runs, 368 jobs, 35 encoders",
}


@pytest.mark.parametrize("study", STUDIES)
def test_size_of_a_study(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BERTFIT_DATA", raising=False)
    registry = project.with_packages(open_registry(project.switches(study), ROOT))
    print(study, project.summary(registry))
    assert project.summary(registry) == SIZES[study]


@pytest.mark.parametrize("study", STUDIES)
def test_ids_survive_the_hand_over_of_jobs(study: str) -> None:
    """A cluster job is told its wildcards on the command line as rule:name=value,name=value."""
    registry = project.with_packages(open_registry(project.switches(study), ROOT))
    for job in registry.jobs():
        run_group = job.run_group
        wildcards = {
            "corpus": run_group.corpus,
            "encoder": run_group.encoder,
            "recipe": run_group.recipe,
            "block": job.block,
        }
        told = encode_target_jobs_cli_args([TargetSpec("finetune", wildcards)])
        assert parse_target_jobs_cli_args(shlex.split(" ".join(told)))[0].wildcards_dict == wildcards
        assert ids.format_recipe(registry.recipe(run_group.recipe), registry.default) == run_group.recipe
        assert ids.format_encoder(ids.parse_encoder(run_group.encoder)) == run_group.encoder
        assert all(len(value) < 100 for value in wildcards.values())


@pytest.mark.parametrize("study", STUDIES)
def test_dry_run_of_all_is_quick(make_workflow, study: str) -> None:
    workflow = make_workflow(study)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = workflow.run(
        "-n", "-q", "--config", *(f"{key}={value}" for key, value in project.switches(study).items())
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10  # of the CPU: other load apart
    assert "Error" not in printed


def test_each_artefact_is_a_target(make_workflow) -> None:
    registry = open_registry({}, ROOT)
    artefacts = ArtefactJobs(TrainingJobs(registry))
    printed = make_workflow("targets").run("-n", *registry.artefacts)
    inputs = dict(re.findall(r"^rule (\w+):\n    input: (.*)$", printed, re.MULTILINE))
    for artefact in registry.artefacts:
        assert inputs[artefact].split(", ") == artefacts.targets(artefact)


def test_table5_has_the_rows_and_columns_of_the_paper() -> None:
    registry = open_registry({"study": "paper"}, ROOT)
    with open(ROOT / "paper/published.csv", encoding="utf-8", newline="") as file:
        printed = [(row["row"], row["column"]) for row in csv.DictReader(file) if row["artefact"] == "table5"]
    assert [(cell.row, cell.column) for cell in registry.cells["table5"]] == printed and len(printed) == 84
    assert {registry.recipe(cell.run_group.recipe).layer_decay for cell in registry.cells["table5"]} == {0.95}


def test_tables_and_figures_share_encoders_and_runs() -> None:
    registry = open_registry({"study": "paper", "seeds": 1}, ROOT)
    table5 = {(cell.row, cell.corpus): cell.run_group for cell in registry.cells["table5"]}
    figure3 = {cell.row: cell.run_group for cell in registry.cells["figure3"]}
    assert figure3["100k"] == table5["IMDb", "imdb"] == RunGroup("imdb", "bert-base~imdb@100k.s1", "layer_decay=0.95")
    assert figure3["0"] == table5["w/o pretrain", "imdb"] == RunGroup("imdb", "bert-base", "layer_decay=0.95")
    assert [run_group.encoder for run_group in figure3.values()] == ["bert-base"] + [
        f"bert-base~imdb@{thousands}k.s1" for thousands in (1, 2, 5, 10, 20, 50, 100, 200, 300, 400, 500)
    ]
    assert [point.steps for point in ArtefactJobs(TrainingJobs(registry)).spec("figure3").cells][:3] == [0, 1000, 2000]
    assert len({run_group.encoder for run_group in table5.values()}) == 12
    assert len(registry.jobs("table5")) == 84 and len(registry.jobs("figure3")) == 12
    alone = {job.run_group for job in registry.jobs("table5")} | {job.run_group for job in registry.jobs("figure3")}
    assert len(alone) == 84 + 12 - 2


def test_mixes() -> None:
    registry = open_registry({"study": "paper"}, ROOT)
    jobs = TrainingJobs(registry)
    text = "results/paper/documents/{}.{}.txt".format
    assert jobs.mix_files("all_question") == [text("trec", "train"), text("yahoo", "train")]
    assert jobs.mix_files("imdb_leak") == [text("imdb", "train"), text("imdb", "test")]
    assert len(jobs.mix_files("all")) == 7 and text("sogou", "train") not in jobs.mix_files("all")
    tests = [f"results/paper/corpora/{corpus}/test.parquet" for corpus in ("yelp_p", "yelp_f")]
    assert jobs.overlap_files("yelp_p", "train") == jobs.overlap_files("yelp_f", "train") == tests
    assert jobs.overlap_files("yelp_p", "test") == jobs.overlap_files("imdb", "train") == []


def test_leaving_corpora_out_empties_cells_and_changes_no_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BERTFIT_DATA", raising=False)
    registry = open_registry({"study": "paper", "corpora": "imdb+ag", "seeds": 1}, ROOT)
    assert registry.available_texts("all") == open_registry({"study": "paper"}, ROOT).available_texts("all")
    assert registry.available_texts("sogou") == [], "an unavailable corpus is in no mix"
    cells = {(cell.row, cell.corpus): cell for cell in registry.cells["table5"]}
    assert cells["all", "imdb"].run_group == RunGroup("imdb", "bert-base~all@100k.s1", "layer_decay=0.95")
    left_out = cells["IMDb", "trec"]
    assert (left_out.status, left_out.reason) == ("not available", "left out by --config corpora")
    assert len(registry.jobs("table5")) == 12 * 2


def test_training_jobs_ask_for_a_gpu_where_told(make_workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    workflow = make_workflow("gpu")
    assert "gpu=1" in workflow.run("-n", "table2", "--config", "gpus=1")
    assert "gpu=1" not in workflow.run("-n", "table2", "--config", "gpus=0")


def test_the_parts_of_a_study_make_its_training_jobs(make_workflow) -> None:
    """Each in one part, but that of the base encoder; neither tables nor report."""
    workflow = make_workflow("parts")
    whole = made_by(workflow.run("-n"))
    parts = [made_by(workflow.run("-n", "--config", f"shard={part}/2")) for part in (1, 2)]
    base = "results/miniature/encoders/mini/model.safetensors"
    trained = {path for path in whole if re.search(r"predictions\.parquet$|encoders/.*model\.safetensors$", path)}
    assert len(trained) == 180 + 118
    assert parts[0] | parts[1] >= trained and parts[0] & parts[1] & trained == {base}
    assert not [path for path in parts[0] | parts[1] if re.search(r"/(tables|figures|scores)/|claims|report", path)]
    (zipped,) = made_by(workflow.run("-n", "archive", "--config", "shard=2/2")) - parts[1]
    assert zipped == "results/miniature.shard-2-of-2.zip"
    assert "cannot be divided; part 1 is larger" in workflow.run("-n", "--quiet", "rules", "--config", "shard=2/60")


def made_by(printed: str) -> set[str]:
    """All outputs of the jobs of a dry run."""
    return {path for line in re.findall(r"^    output: (.*)$", printed, re.MULTILINE) for path in line.split(", ")}


def test_parts_that_there_are_not(make_workflow) -> None:
    workflow = make_workflow("no part")
    for value in ("0/4", "5/4", "a/b", "1/0"):
        printed = workflow.run("-n", "--config", f"shard={value}", ok=False)
        assert f"--config shard={value}: give a part, counted from 1" in printed and "Traceback" not in printed
    printed = workflow.run("-n", "--config", "shard=1/500", ok=False)
    assert "--config shard=1/500: some parts would be empty; give at most 91 parts" in printed


def test_a_mistake_is_told_without_a_traceback(workflow) -> None:
    workflow.edit("config.yaml", "lr: 2e-5", "lrr: 2e-5")
    printed = workflow.run("-n", ok=False)
    assert "unknown key 'lrr'" in printed and "did you mean 'lr'" in printed and "Traceback" not in printed
