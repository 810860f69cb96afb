"""What the plan is told: every training job of a study, what each needs, and those of a choice of artefacts."""

from __future__ import annotations

from bertfit.experiments.registry import open_registry
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers.planned import job, paper_jobs, paper_plan


def test_what_needs_what() -> None:
    spec = paper_plan()
    assert job(spec, "runs/imdb/bert-base/default/seeds42-42").needs == []
    saved = job(spec, "runs/imdb/bert-base~imdb@10kof100k.s1/layer_decay=0.95/seeds42-42")
    assert saved.needs == ["encoders/bert-base~imdb@100k.s1"]
    assert job(spec, "encoders/bert-base~imdb@100k.s1").saves == 3
    assert job(spec, "encoders/bert-base~all@100k.s1~mt-four.s1").needs == ["encoders/bert-base~all@100k.s1"]


def test_every_training_job_of_the_study_is_in_the_plan() -> None:
    paper, spec = paper_jobs(), paper_plan()
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
    assert {job.name for job in found.jobs} >= runs and "encoders/mini" in encoders
    assert len(encoders) == 1 + 6 + 4, "the base, and a further pre-training on two corpora for each seed of Table 5"
    assert (list(found.artefacts), found.file) == (["table5_slice"], "plan.table5_slice")


def test_plans_of_parts_are_that_of_the_whole() -> None:
    """Each job once, but the training of the base encoder."""
    plans = [
        PlanJobs(TrainingJobs(open_registry({"study": "miniature", **shard}, ROOT))).spec()
        for shard in ({}, {"shard": "1/2"}, {"shard": "2/2"})
    ]
    whole, first, second = ({job.name for job in plan.jobs} for plan in plans)
    assert first | second == whole and first & second == {"encoders/mini"}
    assert [plan.file for plan in plans] == ["plan", "plan.shard-1-of-2", "plan.shard-2-of-2"]
    for plan, names in zip(plans[1:], (first, second), strict=True):
        assert all(set(artefact.jobs) <= names for artefact in plan.artefacts.values())
        assert all(set(job.needs) <= names for job in plan.jobs)


def test_the_switches_of_the_steps_reach_the_measurement_and_the_plan() -> None:
    def read(**given: str) -> tuple[bool, bool, bool]:
        planning = PlanJobs(TrainingJobs(open_registry({"study": "miniature", **given}, ROOT)))
        calibration = planning.calibration_spec()
        return calibration.cuda_graphs, calibration.half_weights, planning.plan_spec().cuda_graphs

    assert read() == (True, True, True)
    assert read(cuda_graphs="no") == (False, True, False)
    assert read(half_weights="no") == (True, False, True)


def test_the_claims_and_their_sizes_reach_the_plan_of_a_whole_study() -> None:
    spec = paper_jobs().power_spec()
    assert {question.id for question in spec.questions} >= {"decay-helps", "few-shot-gain"}
    assert spec.test_texts["trec"] == 500 and "sogou" not in spec.test_texts
    examples = spec.training_examples
    assert examples["imdb/bert-base/default"] == 25_000
    assert min(number for name, number in examples.items() if "imdb/" in name) == 100, "0.4 %"
    part = PlanJobs(TrainingJobs(open_registry({"study": "miniature", "shard": "1/2"}, ROOT))).power_spec()
    assert part.questions == [], "a part judges no claims"
