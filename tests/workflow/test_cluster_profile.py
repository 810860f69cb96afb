"""The profile for Slurm, as far as a machine without it can tell (tests/cluster runs it)."""

from __future__ import annotations

import re

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
