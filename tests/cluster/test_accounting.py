"""A real Slurm without accounting, and without the programs for it, whose queue takes jobs of half an hour."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from slurm import Cluster, lacking

from conftest import ROOT, Workflow

PROGRAMS = ("sacct", "sacctmgr", "sshare")
TARGETS = [f"results/cluster/documents/imdb.{split}.txt" for split in ("train", "test")]
LONG = ("--set-resources", "write_documents:runtime=500", "write_documents:slurm_extra=''")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if (reason := lacking()) is not None:
        pytest.skip(reason)
    with Cluster({"cpu1": 0, "cpu2": 0}) as running:
        running.reconfigure("MaxTime=1-0", "MaxTime=30")
        yield running


@pytest.fixture
def project(workflow: Workflow) -> Workflow:
    """The workflow, with a profile that says what the queue takes."""
    for study in ("tiny", "cluster"):
        shutil.copy(ROOT / f"tests/studies/{study}.yaml", workflow.folder / f"studies/{study}.yaml")
    workflow.edit("profiles/slurm/profile.yaml", "runtime: 2d", "runtime: 30")
    return workflow


def run(project: Workflow, cluster: Cluster, *options: str) -> tuple[int, str]:
    """Exit status of Snakemake through the profile, and what it printed."""
    command = [sys.executable, "-m", "snakemake", *TARGETS, "--workflow-profile", "profiles/slurm"]
    command += ["--slurm-init-seconds-before-status-checks", "2", "--config", "study=cluster"]
    done = subprocess.run(
        [*command, *options],
        cwd=project.folder,
        env=cluster.environment(without=PROGRAMS),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


def seconds(job: dict[str, str], event: str) -> float:
    return datetime.fromisoformat(job[event]).timestamp()


def test_jobs_run_with_no_program_that_knows_accounts(project: Workflow, cluster: Cluster) -> None:
    """And none asks for more than the cap of the profile, which is a limit of each job: both run at a time."""
    status, printed = run(project, cluster, *LONG)
    assert status == 0, printed[-4000:]
    assert all((project.folder / target).stat().st_size for target in TARGETS)
    assert "no efficiency report (slurm-efficiency-report)" in printed and "sacct" not in printed
    first, second = sorted(cluster.jobs(), key=lambda job: int(job["JobId"]))
    for job in (first, second):
        assert job["JobState"] == "COMPLETED" and job["TimeLimit"] == "00:30:00"
    assert seconds(second, "SubmitTime") < seconds(first, "EndTime")


def test_without_the_cap_the_queue_refuses_the_job(project: Workflow, cluster: Cluster) -> None:
    """The control of the test above."""
    project.edit("profiles/slurm/profile.yaml", "  runtime: 30\n", "")
    status, printed = run(project, cluster, *LONG, "--retries", "0")
    assert status == 1 and "time limit" in printed.lower(), printed[-4000:]


def test_a_job_that_no_partition_takes_is_told_at_the_start(project: Workflow, cluster: Cluster) -> None:
    known = len(cluster.jobs())
    project.edit("profiles/slurm/partitions.yaml", "  cpu: {}", "  cpu: {max_runtime: 20}")
    project.edit("profiles/slurm/partitions.yaml", "  gpu: {max_gpu: 8}", "  gpu: {max_gpu: 8, max_runtime: 25}")
    status, printed = run(project, cluster, *LONG)
    assert status == 1 and "no partition of --slurm-partition-config (cpu, gpu)" in printed, printed[-4000:]
    assert len(cluster.jobs()) == known and not Path(project.folder, "results/cluster/corpora").exists()


def test_ended_jobs_that_are_forgotten_at_once_are_told(project: Workflow, cluster: Cluster, monkeypatch) -> None:
    """With `sacct` installed the plugin would turn to it, and wait forever."""
    monkeypatch.setattr("test_accounting.PROGRAMS", ())
    cluster.reconfigure("MinJobAge=3600", "MinJobAge=60")
    status, printed = run(project, cluster, *LONG)
    assert status == 1 and "squeue forgets a job 60 s after its end (MinJobAge)" in printed, printed[-4000:]
