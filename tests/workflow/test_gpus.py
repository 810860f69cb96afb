"""GPUs on one machine, without any: names in CUDA_VISIBLE_DEVICES are GPUs to the workflow."""

from __future__ import annotations

import re

import pytest

from conftest import Workflow

# Four jobs that ask as a training does. Each fails where more than one other runs at the same time.
JOBS = """\
include: "rules/source.smk"
include: "rules/common.smk"

rule all:
    input: expand("{number}.done", number=range(4))

rule train:
    output: "{number}.done"
    threads: 1
    resources: **asks(NEEDS.calibration)
    shell: "mkdir running; sleep 1; rmdir running; touch {output}"
"""


@pytest.fixture
def four(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    (workflow.folder / "jobs.smk").write_text(JOBS)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    return workflow


GO = ("-s", "jobs.smk", "-c", "4", "--workflow-profile", "none", "--printshellcmds")


def test_jobs_with_a_gpu_never_overlap_where_there_is_one(four: Workflow) -> None:
    assert "resources: tmpdir" in four.run(*GO)


def test_they_do_where_more_are_allowed(four: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: its jobs notice that another one runs."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert "cannot create directory" in four.run(*GO, "--resources", "gpu=4", ok=False)


def test_two_overlap_where_two_share_the_gpu(four: Workflow) -> None:
    assert "cannot create directory" in four.run(*GO, "--config", "jobs_per_gpu=2", ok=False)


def test_resources_of_a_dry_run(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    printed = workflow.run("-n", "table8", "--config", "study=paper", "gpu_model=h100")
    asked: dict[str, set[str]] = {}
    for rule, body in re.findall(r"^(?:local)?rule (\w+):\n(.*?)(?=^\[|\Z)", printed, re.MULTILINE | re.DOTALL):
        large = "bert-large" in body.split("output:")[-1]
        gpu = re.search(r"\bgpu=(\d+)", body)
        asked.setdefault(f"{rule} large" if large else rule, set()).add(gpu.group(1) if gpu else "none")
        assert ("gpu_model=h100" in body) == (gpu is not None)
        if gpu:
            assert all(f" {name}=" in body for name in ("mem_mb", "disk_mb", "runtime"))
    assert asked["finetune large"] == asked["pretrain_encoder large"] == {"3"}, "four declared, three here"
    assert asked["finetune"] == {"1"}
    assert {name for name, values in asked.items() if values != {"none"}} <= {
        "finetune", "finetune large", "pretrain_encoder", "pretrain_encoder large", "pretrain_and_save_1",
    }  # fmt: skip


def test_without_a_gpu_nothing_asks_for_one(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not re.search(r"\bgpu=[1-9]", workflow.run("-n", "table2"))


CLUSTER = ("--workflow-profile", "none", "--executor", "slurm", "--jobs", "2")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--config", "gpus=2"), "--config gpus=2: this machine has 1 GPU (0); lower it (1, or 0: on the CPU)"),
        (
            ("--resources", "gpu=4"),
            "resource gpu=4 (--resources or the profile): this machine has 1 GPU (0); leave it out",
        ),
        (("--resources", "gpu=0", "--config", "jobs_per_gpu=2"), "jobs_per_gpu=2: resource gpu=0"),
        (("--resources", "runtime=1"), "2 attempts of at most 1 min"),
        ((*CLUSTER, "--resources", "gpu=0", "mem_mb=500"), "the job asks for mem_mb="),
    ],
)
def test_a_wrong_resource_is_told_by_a_dry_run(workflow: Workflow, monkeypatch, given, message) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert message in workflow.run("-n", "results/miniature/encoders/mini/config.json", *given, ok=False)


def test_and_when_the_workflow_starts_before_its_first_job(workflow: Workflow, monkeypatch) -> None:
    """Those of all jobs, and what a dry run cannot know."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    begin = ("results/miniature/encoders/mini/config.json", "--cores", "1")
    assert "gpu_model=h100: a cluster is asked" in workflow.run(*begin, "--config", "gpu_model=h100", ok=False)
    assert "--config gpus=2: this machine has 1 GPU" in workflow.run(
        *begin, "--config", "gpus=2", "throughput=200", ok=False
    )
    assert "nothing says how many GPUs they may use" in workflow.run(*begin, *CLUSTER, ok=False)
    assert "jobs_per_gpu=2: on a cluster" in workflow.run(
        *begin, *CLUSTER, "--resources", "gpu=2", "--config", "jobs_per_gpu=2", ok=False
    )
    assert not (workflow.folder / "results").exists()


def test_memory_on_this_machine_is_limited_without_an_error(workflow: Workflow) -> None:
    """What jobs ask for is an upper bound; no batch system refuses them here."""
    printed = workflow.run("-n", "results/miniature/encoders/mini/config.json", "--resources", "mem_mb=500")
    assert "mem_mb=500" in printed


def test_a_plan_of_another_machine_asks_for_its_gpus(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    workflow.run("-n", "plan", "--config", "study=paper", "gpus=1", "jobs_per_gpu=4", "throughput=280", "step_ms=3.9")
