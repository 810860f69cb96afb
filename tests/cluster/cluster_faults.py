"""What happens to the jobs of a run on a cluster: one injected fault each, while Snakemake runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from slurm import Cluster

from conftest import Workflow

Job = dict[str, str]  # as `scontrol show job` tells it
PATIENCE = 1800  # seconds for a run


@dataclass
class Fault:
    """A fault injected into the job of the training with so many ``steps``, once, when it is under way."""

    name: str
    steps: int
    act: Callable[[Cluster, Job], object]
    after: str = ", step 10,"
    """what its log has to say first"""
    done: bool = False

    @property
    def recipe(self) -> str:
        """The wildcard of its training."""
        return f"steps={self.steps}"

    def of(self, jobs: list[Job]) -> list[Job]:
        """Its jobs, the first try first."""
        return [job for job in jobs if f"_{self.recipe}_" in job["Comment"]]

    def look(self, cluster: Cluster, folder: Path) -> None:
        """Act if it is time."""
        logs = folder.glob(f"results/*/logs/finetune/*/*/{self.recipe}/*.log")
        if not self.done and any(self.after in log.read_text(encoding="utf-8") for log in logs):
            running = [job for job in self.of(cluster.jobs()) if job["JobState"] == "RUNNING"]
            if running:
                self.act(cluster, running[-1])
                self.done = True


@dataclass
class Run:
    """A finished run of Snakemake through the profile: what it printed, Slurm's jobs, how many GPUs were in use."""

    printed: str
    seconds: float
    jobs: list[Job] = field(default_factory=list)
    in_use: list[dict[str, int]] = field(default_factory=list)
    """node -> GPUs of the jobs on it, each second"""


def run(workflow: Workflow, cluster: Cluster, faults: list[Fault], command: list[str], rest: float) -> Run:
    """Run ``command`` in the workflow's folder, trainings resting ``rest`` seconds a step, and inject the faults."""
    environment = cluster.environment() | {"BERTFIT_REST_SECONDS": str(rest), "BERTFIT_SAVE_STEPS": "5"}
    begun, in_use = time.monotonic(), []
    output = workflow.folder / "printed"
    with open(output, "w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            command, cwd=workflow.folder, env=environment, stdout=stream, stderr=subprocess.STDOUT, text=True
        )
        try:
            while process.poll() is None and time.monotonic() - begun < PATIENCE:
                in_use.append(_in_use(cluster))
                for fault in faults:
                    fault.look(cluster, workflow.folder)
                time.sleep(1)
        finally:
            process.kill()
            process.wait()
    printed = output.read_text(encoding="utf-8")
    assert process.returncode == 0, printed[-6000:]
    return Run(printed, time.monotonic() - begun, cluster.jobs(), in_use)


def _in_use(cluster: Cluster) -> dict[str, int]:
    counts = dict.fromkeys(cluster.nodes, 0)
    for job in cluster.jobs():
        if job["JobState"] in ("RUNNING", "COMPLETING") and "TresPerJob" in job:
            counts[job["NodeList"]] += int(job["TresPerJob"].rsplit(":", 1)[1])
    return counts
