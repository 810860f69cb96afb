"""Inputs and specifications of the scores of runs."""

from __future__ import annotations

from bertfit.experiments.registry import open_registry
from bertfit.workflow.score_jobs import ScoreJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT


def test_scores_have_a_run_group_for_each_file() -> None:
    jobs = TrainingJobs(open_registry({}, ROOT))
    scores = ScoreJobs(jobs)
    files, spec = scores.scored_files("table2"), scores.score_spec("table2")
    assert len(files["predictions"]) == len(files["histories"]) == len(spec.runs)
    for path, run in zip(files["predictions"], spec.runs, strict=True):
        assert path.startswith(f"{jobs.root}/runs/{run.corpus}/{run.encoder}/{run.recipe}/seeds")
