"""What tables and figures read and write, by their kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.experiments.registry import open_registry
from bertfit.workflow import code_digest
from bertfit.workflow.artefact_jobs import TABLE_TEMPLATES, ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.training_jobs import TrainingJobs

ROOT = Path(__file__).parents[3]


def reporting(study: str, **switches: str) -> ReportJobs:
    return ReportJobs(TrainingJobs(open_registry({"study": study, **switches}, ROOT)))


@pytest.fixture(scope="module")
def miniature() -> ReportJobs:
    return reporting("miniature")


def test_tables_depend_on_their_templates_and_figures_do_not(miniature):
    artefacts = ArtefactJobs(miniature.jobs)
    digests = {key: artefacts.spec(key).templates for key in miniature.jobs.registry.chosen}
    tables = artefacts.of_kind("table", "statistics", "forgetting")
    assert {key for key, digest in digests.items() if digest} == set(tables)
    assert {digests[key] for key in tables} == {code_digest.templates(TABLE_TEMPLATES)}
