"""The profile for Slurm, as far as a machine without it can tell (tests/cluster runs it)."""

from __future__ import annotations

import re

import pytest

from conftest import Workflow

TRAINING = ("finetune", "finetune_and_save", "train_on_features", "multitask_encoder", "pretrain_encoder")


def asked(printed: str) -> list[tuple[str, dict[str, str]]]:
    """(rule, resources) of each job of a dry run."""
    found = re.findall(r"^(?:local)?rule (\w+):\n(?: .*\n)*?    resources: (.*)$", printed, re.MULTILINE)
    return [(rule, dict(each.split("=", 1) for each in text.split(", ") if "=" in each)) for rule, text in found]


def test_the_paper_asks_for_gpus_where_the_login_node_has_none(make_workflow, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    workflow = make_workflow("slurm")
    jobs = asked(workflow.run("-n", "--workflow-profile", "profiles/slurm", "--config", "study=paper"))
    training = [needs for rule, needs in jobs if rule in TRAINING or rule.startswith("pretrain_and_save")]
    assert len(training) == 391
    for needs in training:
        assert int(needs["gpu"]) in (1, 4) and int(needs["mem_mb"]) > 4000 and int(needs["disk_mb"]) > 100
        assert int(needs["runtime"]) >= 10 and needs["slurm_extra"] == "--signal=USR1@300"
    assert {needs["gpu"] for needs in training} == {"1", "4"}, "BERT-large takes four"
    assert not any("gpu" in needs for rule, needs in jobs if rule not in TRAINING and "pretrain" not in rule)


@pytest.mark.parametrize("name", ["slurm", "generic"])
def test_no_retry_asks_for_more_than_the_cap_of_the_profile(make_workflow, monkeypatch, name: str) -> None:
    """A queue would refuse it; tests/cluster shows that all jobs together may have more."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    workflow: Workflow = make_workflow(name)
    if name == "generic":  # asks of its plugin, which need not be installed, only to know its own options
        lines = (workflow.folder / "profiles/generic/profile.yaml").read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith(("executor", "cluster-generic"))]
        (workflow.folder / "profiles/generic/profile.yaml").write_text("\n".join(kept), encoding="utf-8")
    dry = ("-n", "table8", "--workflow-profile", f"profiles/{name}", "--config", "study=paper", "--attempt", "4")
    last = [needs for rule, needs in asked(workflow.run(*dry)) if rule in TRAINING]
    cap = {"runtime": 2 * 24 * 60, "mem_mb": 120_000}
    for resource, most in cap.items():
        values = [int(needs[resource]) for needs in last]
        assert max(values) == most and min(values) < most, f"some of the fourth attempts reach the cap of {resource}"
    workflow.edit(f"profiles/{name}/profile.yaml", "runtime: 2d", "runtime: 5h")
    told = workflow.run(*dry, ok=False)
    assert "4 attempts of at most 300 min" in told and "raise the limit or --retries" in told


def test_the_profile_is_used_from_another_folder(make_workflow, tmp_path, monkeypatch) -> None:
    """Its partitions are found beside it."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    workflow: Workflow = make_workflow("elsewhere")
    there = ("--directory", str(tmp_path), "--workflow-profile", str(workflow.folder / "profiles/slurm"))
    assert "finetune" in {rule for rule, _ in asked(workflow.run("-n", "table2", *there))}
