"""A study through a real Slurm, while jobs are killed, stopped, cancelled and lose their node: same tables.

Three virtual nodes of one processor each, two of them with a fake GPU: what is trained there is trained on the CPU.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster_faults import Fault, Job, Run, run
from slurm import Cluster, lacking

from conftest import ROOT, Workflow

NODES = {"cpu1": 0, "gpu1": 1, "gpu2": 1}
TARGET = ("faults", "--config", "study=cluster")
TRAINED = ("encoders", "runs", "scores", "tables", "logs")
# What the first try of a job gets. 400 MB hold Snakemake twice, but no torch; a minute holds no 90 seconds of rest.
FAULTS = (
    "finetune:mem_mb=400 if wildcards.recipe == 'steps=10' and attempt == 1 else 4000",
    "finetune:runtime=1 if wildcards.recipe == 'steps=90' and attempt == 1 else 20",
    "finetune:slurm_extra='' if wildcards.recipe == 'steps=90' else '--signal=USR1@300'",
)


def shorten(cluster: Cluster, job: Job) -> None:
    """Leave a job less time than the profile wants to be warned before."""
    cluster.ask("scontrol", "update", f"jobid={job['JobId']}", "timelimit=4")


def cancel(cluster: Cluster, job: Job) -> None:
    cluster.ask("scancel", job["JobId"])


def lose(cluster: Cluster, job: Job) -> None:
    cluster.ask("scontrol", "update", f"nodename={job['NodeList']}", "state=down", "reason=fault")


def nothing(cluster: Cluster, job: Job) -> None:
    """It happens by itself."""


@dataclass
class Finished:
    """Results of the same study without a cluster and with one, and how it went."""

    alone: Path
    clustered: Path
    run: Run
    faults: dict[str, Fault]

    def tries(self, name: str) -> list[str]:
        return [job["JobState"] for job in self.faults[name].of(self.run.jobs)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if (reason := lacking()) is not None:
        pytest.skip(reason)
    with Cluster(NODES) as running:
        yield running


@pytest.fixture(scope="module")
def finished(make_workflow, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    workflow: Workflow = make_workflow("cluster")
    for study in ("tiny", "cluster"):
        shutil.copy(ROOT / f"tests/studies/{study}.yaml", workflow.folder / f"studies/{study}.yaml")
    workflow.run(*TARGET, "--cores", "2")
    results, alone = workflow.folder / "results/cluster", tmp_path_factory.mktemp("alone")
    for name in TRAINED:
        (results / name).rename(alone / name)
    faults = [
        Fault("out of memory", 10, nothing),
        Fault("out of time", 90, nothing),
        Fault("warned of the limit", 120, shorten),
        Fault("cancelled", 30, cancel),
        Fault("node lost", 35, lose),
    ]
    command = [sys.executable, "-m", "snakemake", *TARGET, "--workflow-profile", "profiles/slurm"]
    command += ["--slurm-init-seconds-before-status-checks", "3", "--set-resources", *FAULTS]
    done = run(workflow, cluster, faults, command, rest=1.0)
    return Finished(alone, results, done, {fault.name: fault for fault in faults})


def test_results_are_those_of_one_machine(finished: Finished) -> None:
    """Byte for byte, but for what says when and where."""
    compared = set()
    for path in sorted(finished.alone.rglob("*")):
        name = path.relative_to(finished.alone)
        if path.is_file() and name.parts[0] != "logs" and name.name != "run.json":
            assert path.read_bytes() == (finished.clustered / name).read_bytes(), name
            compared.add(name.name)
    assert compared >= {"model.safetensors", "predictions.parquet", "history.csv", "faults.parquet", "faults.csv"}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("out of memory", ["FAILED", "COMPLETED"]),  # the job goes by its batch script, which saw its step die
        ("out of time", ["TIMEOUT", "COMPLETED"]),
        ("warned of the limit", ["FAILED", "COMPLETED"]),
        ("cancelled", ["CANCELLED", "COMPLETED"]),
        ("node lost", ["COMPLETED"]),
    ],
)
def test_a_job_that_is_disturbed_is_done_again(finished: Finished, name: str, states: list[str]) -> None:
    assert finished.tries(name) == states
    last = finished.faults[name].of(finished.run.jobs)[-1]
    assert int(last["Restarts"]) == (name == "node lost"), "only a lost node is Slurm's own business"


@pytest.mark.parametrize("name", ["warned of the limit", "cancelled", "node lost"])
def test_it_goes_on_where_it_stopped(finished: Finished, name: str) -> None:
    recipe = finished.faults[name].recipe
    (log,) = finished.clustered.glob(f"logs/finetune/imdb/mini/{recipe}/*.log")
    assert "resuming from step" in log.read_text(encoding="utf-8")


def test_the_cause_is_told(finished: Finished) -> None:
    """Snakemake shows the logs of a failed job, Slurm's with them; after an empty one it only names them."""
    told = finished.run.printed
    named = re.search(r"/\S+/logs/slurm/rule_finetune/imdb_mini_steps=10_seeds1-1/\d+\.log", told)
    assert named, "the job dies while it loads torch, before it logs anything"
    killed = Path(named[0]).read_text(encoding="utf-8")
    assert "oom-kill event" in killed or "exceeded memory limit" in killed, "by cgroups, or by slurmd"
    assert "DUE TO TIME LIMIT" in told
    assert told.count("SIGUSR1, state saved at step") == 1


def test_no_accounting_is_no_fault(finished: Finished) -> None:
    """This cluster keeps none, and the profile asks for a report of it."""
    assert "no efficiency report (slurm-efficiency-report)" in finished.run.printed
    assert "Failed to retrieve job data" not in finished.run.printed


def test_gpus_are_given_and_never_shared(finished: Finished) -> None:
    training = [job for job in finished.run.jobs if "rule_finetune" in job["Comment"] or "pretrain" in job["Comment"]]
    assert len(training) == 7 + 4
    for job in training:
        assert job["TresPerJob"] == "gres:gpu:1" and job["NodeList"] in ("gpu1", "gpu2")
    for log in finished.clustered.glob("logs/finetune/**/*.log"):
        assert "GPUs: 0" in log.read_text(encoding="utf-8"), "the one that Slurm named in CUDA_VISIBLE_DEVICES"
    assert all(counts[node] <= NODES[node] for counts in finished.run.in_use for node in NODES)
    assert max(sum(counts.values()) for counts in finished.run.in_use) == 2, "both were used"


def test_list_of_faults(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed for whoever reads the log."""
    jobs = finished.run.jobs
    states = Counter(job["JobState"] for job in jobs)
    again, requeued = len(jobs) - states["COMPLETED"], sum(int(job["Restarts"]) for job in jobs)
    with capsys.disabled():
        print(
            f"\n{len(NODES)} nodes, {finished.run.seconds:.0f} s: {len(jobs)} jobs, {again} of them sent again by",
            end=" ",
        )
        print(f"Snakemake, {requeued} put back by Slurm: {dict(states)}")
        for name in finished.faults:
            print(f"  {name:20} {' -> '.join(finished.tries(name))}")
    assert (again, requeued) == (4, 1)
