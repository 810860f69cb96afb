"""A cluster without accounting, by what `scontrol` and `which` say; tests/cluster has a real one."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from bertfit.core.errors import UserError
from bertfit.runtime import slurm_accounting

CONFIGURATION = """\
Configuration data as of 2025-01-01T00:00:00
AccountingStorageType   = accounting_storage/{storage}
MinJobAge               = {age} sec
"""
SILENT = ["no efficiency report (slurm-efficiency-report): this cluster keeps no accounting"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch):
    """Make Snakemake's workflow on a cluster."""

    def make(
        storage: str = "none", age: int = 300, sacct: bool = True, command: str = "squeue", first: int = 40
    ) -> Any:
        shown = SimpleNamespace(stdout=CONFIGURATION.format(storage=storage, age=age))
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: shown)
        monkeypatch.setattr(slurm_accounting.shutil, "which", lambda name: "/usr/bin/sacct" if sacct else None)
        return SimpleNamespace(
            executor_settings=SimpleNamespace(
                status_command=command, efficiency_report=True, init_seconds_before_status_checks=first
            ),
            scheduler=SimpleNamespace(_executor=SimpleNamespace(_fallback_account_arg=None)),
        )

    return make


def test_no_report_is_made_of_an_accounting_that_is_not_kept(cluster) -> None:
    workflow = cluster()
    assert slurm_accounting.prepare(workflow) == SILENT
    assert not workflow.executor_settings.efficiency_report
    assert workflow.scheduler._executor._fallback_account_arg is None, "sacct says that it knows none"
    assert slurm_accounting.prepare(workflow) == []


def test_where_there_is_no_sacct_nobody_is_asked_for_the_account(cluster) -> None:
    workflow = cluster(storage="slurmdbd", sacct=False)
    assert slurm_accounting.prepare(workflow) == SILENT
    assert workflow.scheduler._executor._fallback_account_arg == ""


def test_with_accounting_all_stays_as_it_is(cluster) -> None:
    workflow = cluster(storage="slurmdbd", age=10, command="sacct")
    assert slurm_accounting.prepare(workflow) == []
    assert workflow.executor_settings.efficiency_report


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"age": 60},
            r"squeue forgets a job 60 s after its end \(MinJobAge\).* at least 181 s, or use profiles/generic",
        ),
        ({"age": 180}, "180 s after its end"),
        ({"age": 300, "first": 120}, "at least 360 s"),
        ({"command": "sacct"}, "slurm-status-command: .* say squeue"),
    ],
)
def test_an_ended_job_that_nobody_would_notice_is_told(cluster, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        slurm_accounting.prepare(cluster(**changes))


def test_other_executors_are_left_alone() -> None:
    workflow = SimpleNamespace(executor_settings=None, scheduler=SimpleNamespace())
    assert slurm_accounting.prepare(workflow) == []
