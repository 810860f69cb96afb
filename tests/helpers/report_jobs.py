"""Jobs of a study's report, from the project's own configuration."""

from __future__ import annotations

from pathlib import Path

from bertfit.experiments.registry import open_registry
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.training_jobs import TrainingJobs

ROOT = Path(__file__).parents[2]


def reporting(study: str, **switches: str) -> ReportJobs:
    """Of a study with these values of ``--config``."""
    return ReportJobs(TrainingJobs(open_registry({"study": study, **switches}, ROOT)))
