"""The specification survives JSON."""

from __future__ import annotations

import json

from bertfit.dataset_report.dataset_spec import DatasetReportSpec
from bertfit.experiments.job_specs import plain
from helpers.dataset_results import spec


def test_json_gives_the_same_specification() -> None:
    made = spec(text=1)
    assert DatasetReportSpec.model_validate(json.loads(json.dumps(plain(made)))) == made
