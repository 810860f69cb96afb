"""The plan of a study: operations, steps and tokens of its jobs, shared ones once; planned and measured costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertfit.batching import multitask_sampling
from bertfit.config import recipe_semantics
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.experiments.registry import open_registry
from bertfit.experiments.summary_specs import PlannedBaseline, PlannedEncoder, StudyPlan
from bertfit.plan import estimate, flops, job_cost, measure_speed, measured_cost, plan_page, text_lengths
from bertfit.plan.flops import Load, Size
from bertfit.plan.measured_cost import StartCost
from bertfit.plan.plan_record import Speed
from bertfit.runtime import hardware
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import madeup, tiny


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> PlanJobs:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BERTFIT_DATA", raising=False)
        return PlanJobs(TrainingJobs(open_registry({"study": "paper"}, ROOT, tmp_path_factory.mktemp("results"))))


@pytest.fixture(scope="module")
def spec(paper: PlanJobs) -> StudyPlan:
    return paper.spec()


@pytest.fixture(scope="module")
def averages() -> dict[str, float]:
    return estimate._averages(ROOT / "paper/published.csv")


def job(spec: StudyPlan, name: str) -> Any:
    return next(job for job in spec.jobs if job.name == name)


def test_imdb_takes_the_papers_steps(spec: StudyPlan, averages: dict[str, float]) -> None:
    sizes = job_cost.StudySizes(spec, averages)
    done = sizes.work(job(spec, "runs/imdb/bert-base/default/seeds42-42"))
    assert done.steps == 4168  # 4 epochs of ceil(25,000 / 24) batches
    one = text_lengths.assumed(292, 25_000).load(Finetune())
    base = Size(12, 768, 3072, 30522)
    assert done.tokens == pytest.approx(4 * one.tokens)
    assert done.train == pytest.approx(flops.finetune(base, one.times(4), 12))
    assert done.evaluate == pytest.approx(4 * flops.read(base, one, 12))
    assert done.bytes == 25_000 * 2 * (2 * 4 + job_cost.ROW_BYTES)
    figure2 = sizes.work(job(spec, "runs/imdb/bert-base/evaluate_every=250+steps=5000/seeds42-42"))
    assert figure2.steps == 5000 and figure2.evaluate == pytest.approx(20 * flops.read(base, one, 12))


def test_pretraining_takes_the_papers_steps(spec: StudyPlan, averages: dict[str, float]) -> None:
    sizes = job_cost.StudySizes(spec, averages)
    base = sizes.work(job(spec, "encoders/bert-base~imdb@100k.s1"))
    one = Load(1, 128 * 0.95, (128 * 0.95) ** 2)
    count = 100_000 * 32
    assert base.steps == 100_000 and base.tokens == pytest.approx(count * 128 * 0.95)
    assert base.pretrain == pytest.approx(flops.pretrain(Size(12, 768, 3072, 30522), one.times(count), 18 * count))
    large = sizes.work(job(spec, "encoders/bert-large~imdb@120k.s1"))
    assert large.steps == 120_000 and large.bytes == 4 * 336_226_108


def test_multitask_takes_as_many_steps_as_its_mixture(spec: StudyPlan, averages: dict[str, float]) -> None:
    found = job(spec, "encoders/bert-base~mt-four.s1")
    rows = {name: np.arange(size) for name, size in (("imdb", 25_000), ("yelp_p", 560_000), ("ag", 120_000))}
    rows["dbpedia"] = np.arange(560_000)
    mixture = multitask_sampling.Mixture(rows, found.group, found.whole)
    assert job_cost.StudySizes(spec, averages).work(found).steps == mixture.steps


def test_few_shot_and_validation_shrink_the_training_set() -> None:
    planned, held_out = job_cost.plan(Finetune(fraction=0.1, validation=0.2, batch_size=7, epochs=1.5), 1000)
    assert (len(planned.rows), held_out, planned.steps) == (80, 20, 18)  # 12 batches, the last of 3; then 6
    assert job_cost.examples(planned) == 80 + 42
    assert recipe_semantics.evaluations(18, 12, None) == 2


def test_what_needs_what(spec: StudyPlan) -> None:
    assert job(spec, "runs/imdb/bert-base/default/seeds42-42").needs == []
    saved = job(spec, "runs/imdb/bert-base~imdb@10kof100k.s1/layer_decay=0.95/seeds42-42")
    assert saved.needs == ["encoders/bert-base~imdb@100k.s1"]
    assert job(spec, "encoders/bert-base~imdb@100k.s1").saves == 3
    assert job(spec, "encoders/bert-base~all@100k.s1~mt-four.s1").needs == ["encoders/bert-base~all@100k.s1"]


def test_every_training_job_of_the_study_is_in_the_plan(paper: PlanJobs, spec: StudyPlan) -> None:
    registry = paper.jobs.registry
    names = [job.name for job in spec.jobs]
    assert len(names) == len(set(names))
    trained = [*paper.jobs.alone, *paper.jobs.saves, *paper.jobs.multitasked]
    assert set(names) == {job.path for job in registry.jobs()} | {f"encoders/{name}" for name in trained}


def test_a_choice_of_artefacts_has_the_jobs_that_it_needs() -> None:
    planning = PlanJobs(TrainingJobs(open_registry({"study": "miniature", "artefacts": "table5_slice"}, ROOT)))
    found = planning.spec()
    runs = {job.path for job in planning.jobs.registry.jobs("table5_slice")}
    encoders = {job.name for job in found.jobs} - runs
    assert {job.name for job in found.jobs} >= runs and "encoders/mini" in encoders and len(encoders) == 3
    assert (list(found.artefacts), found.file) == (["table5_slice"], "plan.table5_slice")


# ---------------------------------------------------------------------------------------------- the whole

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


RATES = Speed(1e12, 2e12, 4e12, 30.0, "given")


def test_shared_jobs_count_once_in_the_total(paper: PlanJobs, spec: StudyPlan, averages: dict[str, float]) -> None:
    plan = estimate.build(spec, averages, RATES)
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
    work_of_one = job_cost.StudySizes(spec, averages).work(job(spec, "encoders/bert-base~imdb@100k.s1"))
    seconds = next(job.seconds for job in plan.jobs if job.name == "encoders/bert-base~imdb@100k.s1")
    assert seconds == pytest.approx(30 + work_of_one.pretrain / 4e12)
    written = plan.to_json()
    assert json.loads(json.dumps(written)) == written
    assert list(written["artefacts"]["table2"]) == [
        "number", "title", "jobs", "steps", "tokens", "hours", "bytes", "done_jobs", "done_planned_hours",
        "done_spent_hours", "added_jobs", "added_hours",
    ]  # fmt: skip


def test_planned_against_spent(tmp_path: Path) -> None:
    for name, loop, process in (("runs/a", 8.0, 10.0), ("runs/b", 30.0, 12.0), ("runs/c", 5.0, None)):
        (tmp_path / name).mkdir(parents=True)
        record = madeup.record({})
        record["cost"] |= {"seconds": loop, "tokens": 7}
        (tmp_path / name / "run.json").write_text(json.dumps(record))
        if process is not None:
            (tmp_path / f"{name}.jsonl").write_text(json.dumps({"s": process}) + "\n")
    about = {"corpus": "x", "recipe": "default", "seeds": [1], "kind": "baseline", "needs": []}
    jobs = [
        PlannedBaseline.model_validate({**about, "name": name, "benchmark": str(tmp_path / f"{name}.jsonl")})
        for name in ("runs/a", "runs/b", "runs/c", "runs/d")
    ]
    found = measured_cost.spent(jobs, tmp_path)
    assert {name: each.whole for name, each in found.items()} == {"runs/a": 10.0, "runs/b": 30.0, "runs/c": 5.0}
    # b went on after a kill, c has no benchmark: of a's ten seconds two were not its loop
    assert measured_cost.start(found, 3.0) == StartCost(planned_seconds=3.0, jobs=1, seconds=2.0, share=0.2)


def test_what_cannot_be_read_of_a_done_job_is_named(tmp_path: Path) -> None:
    record, benchmark = madeup.record({}), tmp_path / "a.jsonl"
    about = {"corpus": "x", "recipe": "default", "seeds": [1], "kind": "baseline", "needs": [], "name": "runs/a"}
    job = PlannedBaseline.model_validate({**about, "benchmark": str(benchmark)})
    (tmp_path / "runs/a").mkdir(parents=True)
    (tmp_path / "runs/a/run.json").write_text(json.dumps(record))
    benchmark.write_text('{"s": "-"}\n')
    with pytest.raises(UserError, match="a.jsonl: not a benchmark of Snakemake"):
        measured_cost.spent([job], tmp_path)
    del record["cost"]["seconds"]
    (tmp_path / "runs/a/run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="runs/a/run.json: no time of a training"):
        measured_cost.spent([job], tmp_path)


def test_speed_given_or_calibrated(tmp_path: Path) -> None:
    assert estimate.speed(None, 120.0) == Speed(1.2e14, 1.2e14, 1.2e14, estimate.GIVEN_START, "given: 120 TFLOP/s")
    measured = {"device": "X", "threads": 2, "size": "6 layers of 64", "start_seconds": 4.0}
    measured |= {"batch_sizes": {"finetune": 8, "evaluate": 9, "pretrain": 7}}
    measured |= {"operations_per_second": {"finetune": 1.0, "evaluate": 2.0, "pretrain": 3.0}}
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(measured))
    source = "measured on X with 2 threads, 6 layers of 64"
    assert estimate.speed(estimate.read_calibration(path), None) == Speed(1, 2, 3, 4, source)
    for text in ("{", "{}"):
        path.write_text(text)
        with pytest.raises(UserError, match="calibration.json: not the speed of a device"):
            estimate.read_calibration(path)


def test_timing_makes_the_batch_fit_the_budget() -> None:
    class Clock:
        now = 0.0

    done = []

    def step(size: int, number: int) -> float:
        done.append(size)
        Clock.now += 0.5 * size
        return 100.0 * size

    # half a second an example: three fit a fifth of 8 s; then 1.5 s each until 4.8 s are over
    assert measure_speed.timed(step, 24, 8.0, lambda: Clock.now) == (200.0, 3)
    assert done == [1, 1, 3, 3, 3, 3, 3]


def test_calibration_runs_the_real_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    planning = PlanJobs(TrainingJobs(open_registry({"study": "miniature"}, ROOT)))
    spec = planning.calibration_spec()
    encoder = spec.encoder.model_copy(update={"shape": tiny.SHAPE.model_copy(update={"positions": 64})})
    monkeypatch.setattr(hardware, "processor", lambda: "X")  # read where the job runs, not where it was asked for
    found = measure_speed.measure(
        spec.model_copy(update={"encoder": encoder, "machine": ["a login node"]}), budget=0.05
    )
    assert list(found.model_dump()) == [
        "device", "threads", "size", "batch_sizes", "operations_per_second", "start_seconds",
    ]  # fmt: skip
    assert all(rate > 0 for rate in found.operations_per_second.model_dump().values())
    assert found.device == "X" and found.size == "2 layers of 16"


def test_a_machine_has_a_name_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    intel, arm = tmp_path / "intel", tmp_path / "arm"
    intel.write_text(
        "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2 GHz\nprocessor\t: 1\nmodel name\t: Other\n"
    )
    arm.write_text("processor\t: 0\nBogoMIPS\t: 243.75\nCPU part\t: 0xd0c\n")
    assert hardware.processor(intel) == "Some CPU @ 2 GHz"
    monkeypatch.setattr(hardware.platform, "processor", lambda: "arm")
    assert hardware.processor(arm) == hardware.processor(tmp_path / "none") == "arm"
    monkeypatch.setattr(hardware.platform, "processor", lambda: "")
    monkeypatch.setattr(hardware.platform, "machine", lambda: "aarch64")
    assert hardware.processor(arm) == "aarch64" and hardware.gpus(tmp_path) == []
    for place, name in (("0", "H200"), ("1", "H100")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text(f"Model: \t\t {name}\nIRQ: 1\n")
    assert hardware.gpus(tmp_path) == ["H100", "H200"]


def test_the_page(spec: StudyPlan, averages: dict[str, float]) -> None:
    page = plan_page.markdown(estimate.build(spec, averages, RATES))
    assert page.startswith("# Plan: paper\n") and "| Table 2 " in page and "| **together**" in page
    assert "not tokenised yet; lengths spread around 292 word pieces (Table 1 of the paper)" in page
    assert "took" not in page  # nothing is done


def test_sizes_of_encoders(tmp_path: Path) -> None:
    notes: list[str] = []

    def size(**given: Any) -> Size:
        nothing = dict.fromkeys(("shape", "hub", "folder", "package", "vocabulary"))
        encoder = PlannedEncoder.model_validate({**nothing, "config": "none", **given})
        return job_cost.size_of(encoder, "x", notes.append)

    assert size(hub="google-bert/bert-large-uncased", layers=24).hidden == 1024
    assert not notes
    config = {"num_hidden_layers": 3, "hidden_size": 8, "intermediate_size": 9, "vocab_size": 10}
    (tmp_path / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 11}))
    assert size(folder=str(tmp_path), layers=3) == Size(3, 8, 9, 10, 11)
    assert size(hub="some/one", layers=12) == Size(12, 768, 3072, 30522)
    assert "hidden size 768 assumed" in notes[0]


@pytest.mark.parametrize(("layers", "read"), [("last", 6), ("all", 6), ("last4", 6), ("first4", 4), ("0", 1), ("3", 4)])
def test_layers_read(layers: str, read: int) -> None:
    assert job_cost.depth(Finetune(layers=layers), Size(6, 8, 16, 10)) == read
    assert max(recipe_semantics.layer_numbers(layers, 6)) + 1 == read
