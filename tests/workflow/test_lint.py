"""Snakemake's own lint, in each setting that includes other rules."""

from __future__ import annotations

import pytest

from conftest import Workflow
from helpers import project


@pytest.mark.parametrize("study", ["miniature", "paper", "reviews", "modern", "example"])
def test_snakemake_has_nothing_to_say_of_the_rules(make_workflow, study: str) -> None:
    workflow: Workflow = make_workflow(f"lint-{study}")
    switches = [f"{key}={value}" for key, value in project.switches(study).items()]
    assert "your workflow is in a good condition" in workflow.run("--lint", "--config", *switches)
