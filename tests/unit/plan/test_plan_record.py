"""What plan.json holds: seconds of a job by hand, and its keys."""

from __future__ import annotations

import json

from bertfit.experiments.summary_specs import PlannedStage
from bertfit.plan.job_cost import Work
from bertfit.plan.plan_record import Speed
from helpers.planned import small_plan


def test_seconds_of_a_job_by_hand() -> None:
    speed = Speed(finetune=10, evaluate=20, pretrain=40, start=3, source="given")
    assert speed.seconds(Work(train=100, evaluate=100, pretrain=100)) == 3 + 10 + 5 + 2.5


def test_the_keys_of_the_json() -> None:
    written = small_plan().model_dump()
    assert json.loads(json.dumps(written)) == written
    assert written["artefacts"]["table2"] == {
        "number": "Table 2", "title": "T", "added_jobs": 1, "added_hours": 0.5, "sums": {
            "jobs": 2, "steps": 1200, "tokens": 12_345.0, "hours": 2.0, "bytes": 10.0,
            "done_jobs": 0, "done_planned_hours": 0.0, "done_spent_hours": 0.0,
        },
    }  # fmt: skip
    assert written["stages"] == {"fine-tuning": PlannedStage(jobs=2, seconds=7.0).model_dump()}
    assert written["start"] == {"planned_seconds": 3.0, "jobs": 0, "seconds": None, "share": None}
