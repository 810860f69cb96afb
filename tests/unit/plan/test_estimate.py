"""The plan of a study: shared jobs count once, the speed that is counted with, jobs on several devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bertfit
from bertfit.core.errors import UserError
from bertfit.plan import estimate, job_cost
from bertfit.plan.device_speed import PerStep
from bertfit.plan.job_cost import Work
from bertfit.plan.measured_cost import Spent
from bertfit.plan.plan_record import JobPlan, JobSums, Plan, Speed
from bertfit.power.power_schema import PowerSpec
from conftest import ROOT
from helpers.planned import RATES, averages, job, paper_jobs, paper_plan


def test_shared_jobs_count_once_in_the_total() -> None:
    paper, spec = paper_jobs(), paper_plan()
    plan = estimate.build(spec, averages(), RATES)
    artefacts = plan.artefacts.values()
    assert plan.version == bertfit.__version__
    assert plan.total.jobs == len(spec.jobs) < sum(artefact.sums.jobs for artefact in artefacts)
    assert sum(artefact.added_jobs for artefact in artefacts) == len(spec.jobs)
    assert sum(artefact.added_hours for artefact in artefacts) == pytest.approx(plan.total.hours)
    assert plan.total.hours == pytest.approx(sum(job.seconds for job in plan.jobs) / 3600)
    assert plan.time.wall_hours["1"] == pytest.approx(plan.total.hours) == pytest.approx(plan.time.hours)
    registry = paper.jobs.registry
    assert plan.artefacts["table2"].sums.jobs == len(registry.jobs("table2")) > 0
    assert plan.artefacts["figure1"].sums.jobs == 0
    recipes = [each.run_group.recipe for each in registry.jobs() if each.run_group.encoder != "tfidf"]
    assert plan.stages["fine-tuning"].jobs == sum("classifier=bilstm" not in recipe for recipe in recipes)
    assert plan.stages["features"].jobs == sum("classifier=bilstm" in recipe for recipe in recipes) > 0
    work_of_one = job_cost.StudySizes(spec, averages()).work(job(spec, "encoders/bert-base~imdb@100k.s1"))
    seconds = next(job.seconds for job in plan.jobs if job.name == "encoders/bert-base~imdb@100k.s1")
    assert seconds == pytest.approx(30 + 100_000 * 0.03 + work_of_one.pretrain / 4e12)
    assert Plan.model_validate_json(json.dumps(plan.model_dump())) == plan


def test_sums_of_jobs_some_of_which_are_done() -> None:
    spent = Spent(loop=3600.0, process=7200.0, tokens=20)
    new = JobPlan(
        name="runs/a",
        kind="finetune",
        needs=[],
        steps=10,
        tokens=20.0,
        bytes=30.0,
        gpus=1,
        seconds=1800.0,
        per_step_seconds=600.0,
        spent=None,
    )
    assert estimate._sums([new, new.model_copy(update={"name": "runs/b", "spent": spent})]) == JobSums(
        jobs=2, steps=20, tokens=40.0, hours=1.0, bytes=60.0,
        done_jobs=1, done_planned_hours=0.5, done_spent_hours=2.0,
    )  # fmt: skip


def test_speed_given_or_calibrated(tmp_path: Path) -> None:
    given = estimate.speed(None, 120.0, 18.0)
    assert given == Speed(
        operations_per_second=PerStep(finetune=1.2e14, evaluate=1.2e14, pretrain=1.2e14),
        step_seconds=PerStep(finetune=0.018, evaluate=0.018, pretrain=0.018),
        step_seconds_without_graphs=None, cuda_graphs=True, device_type="cuda", start=estimate.GIVEN_START,
        source="given",
    )  # fmt: skip
    assert estimate.speed(None, 120.0).step_seconds.finetune == 0
    assert estimate.speed(None, 120.0, 18.0, cuda_graphs=False) == given.model_copy(update={"cuda_graphs": False})
    measured = {"device": "X", "device_type": "cuda", "threads": 2, "size": "6 layers of 64", "start_seconds": 4.0}
    measured |= {"batch_sizes": {"finetune": 8, "evaluate": 9, "pretrain": 7}}
    measured |= {"operations_per_second": {"finetune": 1.0, "evaluate": 2.0, "pretrain": 3.0}}
    measured |= {"step_seconds": {"finetune": 0.1, "evaluate": 0.2, "pretrain": 0.3}}
    measured |= {"step_seconds_without_graphs": {"finetune": 0.5, "evaluate": 0.2, "pretrain": 0.6}}
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(measured))
    found = estimate.speed(estimate.read_calibration(path), None)
    assert found.source == "measured on X with 2 threads, 6 layers of 64"
    assert found.operations_per_second == PerStep(finetune=1, evaluate=2, pretrain=3) and found.start == 4
    assert found.step_seconds.pretrain == 0.3 and found.batch_tokens == 65536
    slower = found.without_graphs()
    assert slower and slower.step_seconds.pretrain == 0.6 and slower.without_graphs() is None
    assert found.cuda_graphs and not slower.cuda_graphs
    assert estimate.speed(estimate.read_calibration(path), None, cuda_graphs=False) == slower
    path.write_text(json.dumps(measured | {"step_seconds_without_graphs": None}))  # as with --config cuda_graphs=no
    for wanted in (True, False):
        again = estimate.speed(estimate.read_calibration(path), None, cuda_graphs=wanted)
        assert again.step_seconds.pretrain == 0.3 and not again.cuda_graphs
    for text in ("{", "{}"):
        path.write_text(text)
        with pytest.raises(UserError, match="calibration.json: not the speed of a device"):
            estimate.read_calibration(path)


def test_a_job_on_several_gpus_and_on_a_share_of_one_by_hand() -> None:
    speed = Speed.model_validate({**RATES.model_dump(), "start": 3.0})
    work = Work(steps=1000, train=100e12)  # 10 s of steps, 100 s of operations

    def planned(gpus: int, jobs_per_gpu: int) -> tuple[float, int]:
        found = estimate.scheduled(work, [], speed, gpus=gpus, jobs_per_gpu=jobs_per_gpu)
        return round(found.seconds, 9), found.slots

    assert planned(1, 1) == (113, 1)
    assert planned(4, 1) == (3 + 10 + 25, 4)
    assert planned(1, 3) == (3 + 10 + 300, 1), "its operations wait for those of two others"
    assert planned(2, 3) == (3 + 10 + 50, 6), "two whole GPUs"
    slower = PerStep(finetune=0.05, evaluate=0.02, pretrain=0.06)
    speed = speed.model_copy(update={"step_seconds_without_graphs": slower})
    assert planned(1, 1) == (113, 1)
    assert planned(4, 1) == (3 + 50 + 25, 4), "kernel by kernel on several GPUs"


def test_wall_time_counts_the_gpus_of_a_job() -> None:
    spec = paper_plan()
    plan = estimate.build(spec, averages(), RATES)
    large = [job for job in plan.jobs if "bert-large" in job.name]
    assert {job.gpus for job in large if job.kind != "train_on_features"} == {4}
    assert {job.gpus for job in plan.jobs if job not in large} == {1}
    walls = plan.time.wall_hours
    assert walls["1"] > walls["2"] > walls["4"] > walls["8"] > walls["1"] / 8
    alone = estimate.build(spec.model_copy(update={"gpus": dict.fromkeys(spec.gpus, 1)}), averages(), RATES)
    assert alone.time.hours == plan.time.hours, "hours of one device"
    assert alone.time.wall_hours["1"] == walls["1"] and alone.time.wall_hours["8"] != walls["8"]


def test_jobs_that_share_a_gpu_gain_their_time_per_step() -> None:
    spec = paper_plan()
    shared = spec.model_copy(update={"jobs_per_gpu": 3})
    slow = estimate.build(spec, averages(), estimate.speed(None, 200.0, 55.0))
    three = estimate.build(shared, averages(), estimate.speed(None, 200.0, 55.0))
    assert slow.time.wall_hours["1"] / 3 < three.time.wall_hours["1"] < slow.time.wall_hours["1"] / 2
    assert three.time.hours == slow.time.hours and three.jobs_per_gpu == 3
    assert any("3 jobs that share a GPU" in note for note in three.assumptions)


def test_on_a_cpu_no_job_has_several_devices() -> None:
    rates = RATES.model_copy(update={"device_type": "cpu"})
    plan = estimate.build(paper_plan().model_copy(update={"jobs_per_gpu": 2}), averages(), rates)
    assert {job.gpus for job in plan.jobs} == {1} and plan.jobs_per_gpu == 1
    assert plan.time.wall_hours["1"] == pytest.approx(plan.time.hours)


def test_with_and_without_cuda_graphs() -> None:
    slower = PerStep(finetune=0.05, evaluate=0.05, pretrain=0.05)
    rates = RATES.model_copy(update={"step_seconds_without_graphs": slower})
    plan = estimate.build(paper_plan(), averages(), rates)
    assert plan.without_graphs and plan.without_graphs.hours > plan.time.hours
    assert plan.without_graphs.per_step_share > plan.time.per_step_share > 0
    assert plan.without_graphs == estimate.build(paper_plan(), averages(), rates.without_graphs()).time


def test_bert_feat_and_jobs_on_several_gpus_have_no_cuda_graphs() -> None:
    slower = PerStep(finetune=0.05, evaluate=0.02, pretrain=0.06)
    both = RATES.model_copy(update={"step_seconds_without_graphs": slower})
    spec = paper_plan()
    fast, plan = estimate.build(spec, averages(), RATES), estimate.build(spec, averages(), both)
    seconds = {job.name: job.seconds for job in fast.jobs}
    for planned in plan.jobs:
        added = 0.04 * planned.steps if planned.kind == "train_on_features" else 0.0  # all 12 layers
        if "bert-large" not in planned.name:
            assert planned.seconds - seconds[planned.name] == pytest.approx(added, abs=1e-6), planned.name
    assert plan.time.wall_hours["1"] == pytest.approx(plan.time.hours)
    note = (
        "jobs on several GPUs, BERT-Feat and families other than BERT have no CUDA graphs: a given step_ms is too low"
    )
    assert note in fast.assumptions and note not in plan.assumptions
    without = RATES.model_copy(update={"cuda_graphs": False})
    assert note not in estimate.build(spec, averages(), without).assumptions
    works = {"runs/a": Work(), "runs/b": Work(cuda_graphs=False)}
    assert estimate._one_step_time(works, dict.fromkeys(works, 1), RATES) == [note], "BERT-Feat"
    assert estimate._one_step_time({"runs/a": Work()}, {"runs/a": 2}, RATES) == [note], "several GPUs"
    assert estimate._one_step_time({"runs/a": Work()}, {"runs/a": 1}, RATES) == []


def test_with_a_given_throughput_no_calibration_is_read(tmp_path: Path) -> None:
    spec = paper_plan().model_copy(update={"jobs": [], "artefacts": {}, "root": str(tmp_path)})
    page = estimate.write(
        spec,
        PowerSpec(study="paper", root="", questions=[], test_texts={}, training_examples={}),
        throughput=100.0,
        step_ms=None,
        cuda_graphs=True,
        calibration=None,
        published=ROOT / "paper/published.csv",
        spreads=ROOT / "paper/spreads.yaml",
        folder=tmp_path,
    )
    assert "Speed given: fine-tuning: operations at 100 TFLOP/s, plus 0 ms a step" in page
