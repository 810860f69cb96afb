"""Sums of cost, stage by stage, and how they are printed."""

from __future__ import annotations

from bertfit.energy.energy_use import Energy
from bertfit.experiments.job_record import JobCost
from bertfit.experiments.summary_specs import PlannedStage
from bertfit.report import cost_summary


def job(seconds, tokens=None, **memory):
    return JobCost(seconds=seconds, tokens=tokens, peak_memory_bytes={"process": 5, **memory})


def test_sums_and_peaks():
    done = [("fine-tuning", job(2.0, 100)), ("fine-tuning", job(3.0, 150, process=9, device=7)), ("fetched", job(None))]
    fetched, tuned, together = cost_summary.stages(done)
    assert (fetched.name, fetched.jobs, fetched.seconds, fetched.rate) == ("fetched", 1, 0.0, None)
    assert (tuned.jobs, tuned.seconds, tuned.tokens, tuned.rate) == (2, 5.0, 250, 50.0)
    assert (tuned.memory, tuned.device_memory, fetched.device_memory) == (9, 7, None)
    assert (together.name, together.jobs, together.seconds, together.planned_jobs) == ("together", 3, 5.0, None)
    assert cost_summary.stages([]) == []


def test_planned_stages_stand_beside_what_was_done_and_by_themselves():
    plan = {"fine-tuning": PlannedStage(jobs=2, seconds=60), "pre-training": PlannedStage(jobs=1, seconds=9)}
    before, tuned, together = cost_summary.stages([("fine-tuning", job(2.0))], plan)
    assert (before.name, before.jobs, before.planned_jobs, before.planned_seconds) == ("pre-training", 0, 1, 9.0)
    assert (tuned.jobs, tuned.planned_jobs, tuned.planned_seconds) == (1, 2, 60.0)
    assert (together.planned_jobs, together.planned_seconds) == (3, 69.0)


def test_distinct_by_frequency_then_text():
    assert cost_summary.distinct([{"b": 1}, {"a": 1}, {"b": 1}, {"a": 0}]) == [
        ({"b": 1}, 2),
        ({"a": 0}, 1),
        ({"a": 1}, 1),
    ]


def test_energy_is_that_of_the_jobs_that_have_it():
    energy = Energy(gpu_kwh=1.0, cpu_kwh=0.5, gpu_method="g", cpu_method="c", estimated=True, cpu_seconds=2.0)
    known = job(2.0).model_copy(update={"energy": energy})
    unknown = known.model_copy(update={"energy": energy.model_copy(update={"gpu_kwh": None, "estimated": False})})
    done = [("fine-tuning", known), ("fine-tuning", known), ("fine-tuning", unknown), ("pre-training", job(2.0))]
    before, tuned, together = cost_summary.stages([*done, ("fetched", job(None))])[1:]
    assert (tuned.kwh, tuned.kwh_jobs, tuned.trained, tuned.estimated) == (3.0, 2, 3, True)
    assert (before.kwh, before.kwh_jobs, before.trained, before.estimated) == (None, 0, 1, False)
    assert (together.kwh, together.kwh_jobs, together.trained, together.jobs) == (3.0, 2, 4, 5)
