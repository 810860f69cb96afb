"""Inputs and specifications of the scores of runs (rules score_runs and score_all)."""

from __future__ import annotations

from dataclasses import dataclass

from bertfit.experiments.job_specs import ScoreSpec
from bertfit.workflow.training_jobs import TrainingJobs


@dataclass(frozen=True)
class ScoreJobs:
    """Scores of one artefact, or of the whole study."""

    jobs: TrainingJobs

    def scored_files(self, artefact: str | None = None) -> dict[str, list[str]]:
        """Inputs of rules score_runs and score_all: files of each run, in the same order, and of each corpus."""
        names = {"predictions": "predictions.parquet", "histories": "history.csv"}
        files = {key: self.jobs.run_files(artefact, name) for key, name in names.items()}
        return files | {"clusters": self.jobs.cluster_files(self.jobs.registry.jobs(artefact))}

    def score_spec(self, artefact: str | None = None) -> ScoreSpec:
        """Specification of rules score_runs and score_all: run groups in the order of `run_files`."""
        runs = [job.run_group for job in self.jobs.registry.jobs(artefact)]
        return ScoreSpec(study=self.jobs.registry.settings.name, runs=runs)
