"""The plan of a study: shared jobs count once, wall time on several devices, and the speed that is counted with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.plan import estimate, job_cost
from bertfit.plan.measured_cost import Spent
from bertfit.plan.plan_record import JobPlan, JobSums, Plan, Speed
from helpers.planned import RATES, averages, job, paper_jobs, paper_plan

NEEDS = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": []}
SECONDS = {"a": 2.0, "b": 3.0, "c": 1.0, "d": 1.0, "e": 4.0}


def test_closure_has_what_is_needed_first() -> None:
    assert estimate.closure(["d"], NEEDS) == ["a", "b", "c", "d"]
    assert estimate.closure(["c", "e", "b"], NEEDS) == ["a", "c", "e", "b"]


@pytest.mark.parametrize(("devices", "seconds"), [(1, 11), (2, 6), (3, 6), (8, 6)])
def test_wall_time(devices: int, seconds: float) -> None:
    # two: a 0 to 2 and e 0 to 4, then b 2 to 5 and c 4 to 5, then d 5 to 6
    assert estimate.makespan(SECONDS, NEEDS, devices) == seconds


def test_wall_time_of_a_chain_that_waits() -> None:
    # a long job is taken before short ones of which nothing hangs
    assert estimate.makespan({"x": 1.0, "y": 1.0, "z": 5.0}, {"x": [], "y": [], "z": []}, 2) == 5


def test_shared_jobs_count_once_in_the_total() -> None:
    paper, spec = paper_jobs(), paper_plan()
    plan = estimate.build(spec, averages(), RATES)
    artefacts = plan.artefacts.values()
    assert plan.total.jobs == len(spec.jobs) < sum(artefact.sums.jobs for artefact in artefacts)
    assert sum(artefact.added_jobs for artefact in artefacts) == len(spec.jobs)
    assert sum(artefact.added_hours for artefact in artefacts) == pytest.approx(plan.total.hours)
    assert plan.total.hours == pytest.approx(sum(job.seconds for job in plan.jobs) / 3600)
    assert plan.wall_hours["1"] == pytest.approx(plan.total.hours)
    registry = paper.jobs.registry
    assert plan.artefacts["table2"].sums.jobs == len(registry.jobs("table2")) > 0
    assert plan.artefacts["figure1"].sums.jobs == 0
    recipes = [each.run_group.recipe for each in registry.jobs() if each.run_group.encoder != "tfidf"]
    assert plan.stages["fine-tuning"].jobs == sum("classifier=bilstm" not in recipe for recipe in recipes)
    assert plan.stages["features"].jobs == sum("classifier=bilstm" in recipe for recipe in recipes) > 0
    work_of_one = job_cost.StudySizes(spec, averages()).work(job(spec, "encoders/bert-base~imdb@100k.s1"))
    seconds = next(job.seconds for job in plan.jobs if job.name == "encoders/bert-base~imdb@100k.s1")
    assert seconds == pytest.approx(30 + work_of_one.pretrain / 4e12)
    assert Plan.model_validate_json(json.dumps(plan.model_dump())) == plan


def test_sums_of_jobs_some_of_which_are_done() -> None:
    spent = Spent(loop=3600.0, process=7200.0, tokens=20)
    new = JobPlan(
        name="runs/a", kind="finetune", needs=[], steps=10, tokens=20.0, bytes=30.0, seconds=1800.0, spent=None
    )
    assert estimate._sums([new, new.model_copy(update={"name": "runs/b", "spent": spent})]) == JobSums(
        jobs=2, steps=20, tokens=40.0, hours=1.0, bytes=60.0,
        done_jobs=1, done_planned_hours=0.5, done_spent_hours=2.0,
    )  # fmt: skip


def test_speed_given_or_calibrated(tmp_path: Path) -> None:
    assert estimate.speed(None, 120.0) == Speed(
        finetune=1.2e14, evaluate=1.2e14, pretrain=1.2e14, start=estimate.GIVEN_START, source="given: 120 TFLOP/s"
    )
    measured = {"device": "X", "threads": 2, "size": "6 layers of 64", "start_seconds": 4.0}
    measured |= {"batch_sizes": {"finetune": 8, "evaluate": 9, "pretrain": 7}}
    measured |= {"operations_per_second": {"finetune": 1.0, "evaluate": 2.0, "pretrain": 3.0}}
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(measured))
    source = "measured on X with 2 threads, 6 layers of 64"
    assert estimate.speed(estimate.read_calibration(path), None) == Speed(
        finetune=1, evaluate=2, pretrain=3, start=4, source=source
    )
    for text in ("{", "{}"):
        path.write_text(text)
        with pytest.raises(UserError, match="calibration.json: not the speed of a device"):
            estimate.read_calibration(path)
