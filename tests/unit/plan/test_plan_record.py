"""What plan.json holds: seconds of a job by hand, and its keys."""

from __future__ import annotations

import json

from bertfit.experiments.summary_specs import PlannedStage
from bertfit.plan.device_speed import PerStep
from bertfit.plan.job_cost import Work
from bertfit.plan.plan_record import Speed
from helpers.planned import small_plan

SPEED = Speed(
    operations_per_second=PerStep(finetune=10, evaluate=20, pretrain=40),
    step_seconds=PerStep(finetune=0.5, evaluate=2, pretrain=0.25),
    step_seconds_without_graphs=None,
    cuda_graphs=True,
    device_type="cuda",
    start=3,
    source="given",
)


def test_seconds_of_a_job_by_hand() -> None:
    assert SPEED.seconds(Work(train=100, evaluate=100)) == 3 + 10 + 5
    assert SPEED.seconds(Work(steps=1000, train=100)) == 3 + 500 + 10
    assert SPEED.seconds(Work(steps=1000, pretrain=100)) == 3 + 250 + 2.5
    assert SPEED.per_step_seconds(Work(steps=1000, relative_depth=2.0)) == 1000


def test_evaluation_counts_full_batches_or_one_for_each_pass() -> None:
    assert SPEED.per_step_seconds(Work(evaluations=4, evaluated=10 * 65536)) == 20
    assert SPEED.per_step_seconds(Work(evaluations=4, evaluated=100)) == 8
    on_cpu = SPEED.model_copy(update={"device_type": "cpu"})
    assert on_cpu.per_step_seconds(Work(evaluations=4, evaluated=10 * 4096)) == 20


def test_a_job_without_cuda_graphs_counts_with_the_time_measured_without_them() -> None:
    work = Work(steps=1000, evaluations=4, evaluated=100, cuda_graphs=False)
    assert SPEED.per_step_seconds(work) == 500 + 8, "one time counts for all"
    slower = PerStep(finetune=3.0, evaluate=2.0, pretrain=1.0)
    both = SPEED.model_copy(update={"step_seconds_without_graphs": slower})
    assert both.per_step_seconds(work) == 3000 + 8
    assert both.per_step_seconds(Work(steps=1000, pretrain=100, cuda_graphs=False)) == 1000
    assert both.per_step_seconds(Work(steps=1000)) == 500
    eager = both.without_graphs()
    assert eager and not eager.cuda_graphs
    assert eager.per_step_seconds(Work(steps=1000)) == eager.per_step_seconds(Work(steps=1000, cuda_graphs=False))


def test_the_keys_of_the_json() -> None:
    written = small_plan().model_dump()
    assert json.loads(json.dumps(written)) == written
    assert written["artefacts"]["table2"] == {
        "number": "Table 2", "title": "T", "added_jobs": 1, "added_hours": 0.5, "sums": {
            "jobs": 2, "steps": 1200, "tokens": 12_345.0, "hours": 2.0, "bytes": 10.0,
            "done_jobs": 0, "done_planned_hours": 0.0, "done_spent_hours": 0.0,
            "kwh": None, "done_planned_kwh": None, "done_spent_kwh": None,
        },
    }  # fmt: skip
    assert written["stages"] == {"fine-tuning": PlannedStage(jobs=2, seconds=7.0).model_dump()}
    assert written["start"] == {"planned_seconds": 3.0, "jobs": 0, "seconds": None, "share": None}
    assert written["time"] == {"hours": 2.0, "per_step_share": 0.25, "wall_hours": {"1": 2.0, "8": 0.5}}
    assert list(written["speed"]) == [
        "operations_per_second", "step_seconds", "step_seconds_without_graphs", "cuda_graphs", "device_type", "start",
        "source", "power",
    ]  # fmt: skip
