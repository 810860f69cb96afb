"""The page of a plan: sums, disk, what was assumed, and what jobs took that are done."""

from __future__ import annotations

import pytest

from bertfit.plan import estimate, plan_page
from bertfit.plan.device_speed import DevicePower, PerStep
from bertfit.plan.measured_cost import StartCost
from bertfit.plan.plan_record import StudyTime
from bertfit.power.power_schema import Chances, ClaimPower
from helpers.planned import RATES, averages, paper_plan, small_plan


def test_the_page() -> None:
    spec = paper_plan()
    page = plan_page.markdown(estimate.build(spec, averages(), RATES))
    assert page.startswith("# Plan: paper\n") and "| Table 2 " in page and "| **together**" in page
    assert "not tokenised yet; lengths spread around 292 word pieces (Table 1 of the paper)" in page
    assert "took" not in page  # nothing is done


def test_a_page_by_hand() -> None:
    lines = plan_page.markdown(small_plan()).split("\n")
    assert lines[2] == (
        "2 training jobs, 1,200 steps, 12.3k tokens: **2.0 h of one device**, 25 % of them time per step. "
        "Wall time: 2.0 h on 1, 30 min on 8."
    )
    assert lines[4] == (
        "Speed given: fine-tuning: operations at 1 TFLOP/s, plus 10 ms a step; evaluating: operations at 2 TFLOP/s, "
        "plus 20 ms a batch; pre-training: operations at 4 TFLOP/s, plus 30 ms a step; 30 s until a job trains."
    )
    assert cells(lines) == [
        ["artefact", "jobs", "steps", "tokens", "alone", "added"],
        ["Table 2", "2", "1,200", "12.3k", "2.0 h", "30 min"],
        ["**together**", "2", "1,200", "12.3k", "2.0 h", "2.0 h"],
        ["disk", "bytes"],
        ["runs", "1.0 kB"],
        ["tokens", "2.0 kB"],
        ["**together**", "3.0 kB"],
    ], "an artefact without jobs has no row"
    assert lines[-2:] == ["- a guess", ""] and "was not training" not in "".join(lines)


def test_both_times_with_and_without_cuda_graphs() -> None:
    slower = PerStep(finetune=0.05, evaluate=0.02, pretrain=0.06)
    plan = small_plan()
    time = StudyTime(hours=3.0, per_step_share=0.5, wall_hours={"1": 3.0, "8": 1.0})
    speed = plan.speed.model_copy(update={"step_seconds_without_graphs": slower})
    lines = plan_page.markdown(
        plan.model_copy(update={"speed": speed, "without_graphs": time, "jobs_per_gpu": 3})
    ).split("\n")
    assert lines[2].endswith("Wall time, 3 jobs a GPU: 2.0 h on 1, 30 min on 8.")
    assert lines[4] == (
        "Without CUDA graphs: **3.0 h of one device**, 50 % of them time per step. "
        "Wall time, 3 jobs a GPU: 3.0 h on 1, 1.0 h on 8."
    )
    assert "at 1 TFLOP/s, plus 10 ms a step (50 ms without CUDA graphs); evaluating: operations at" in lines[6]
    assert "plus 20 ms a batch; pre-training: operations at 4 TFLOP/s, plus 30 ms a step (60 ms without" in lines[6]


def test_jobs_that_are_done_have_what_they_took() -> None:
    start = StartCost(planned_seconds=3.0, jobs=4, seconds=2.5, share=0.125)
    lines = plan_page.markdown(small_plan(1, start)).split("\n")
    assert cells(lines)[:2] == [
        ["artefact", "jobs", "steps", "tokens", "alone", "added", "done", "planned", "took"],
        ["Table 2", "2", "1,200", "12.3k", "2.0 h", "30 min", "1", "1.0 h", "2.0 h"],
    ]
    assert (
        "Of 4 processes' time 12 % was not training: 2.5 s a job for Python, imports, reading and writing; "
        "planned 3.0 s." in lines
    )


def cells(lines: list[str]) -> list[list[str]]:
    """Cells of all tables, without the lines below their heads."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in rows if not set(row[0]) <= {"-", ":"}]


def test_the_probabilities_of_the_verdicts() -> None:
    power = ClaimPower(
        id="decay-helps", kind="better", margin=0.1, seeds=1, single_seed=["imdb"], texts=25_000,
        paper=Chances(holds=0.25, refuted=0.5), none=None, reason="",
    )  # fmt: skip
    without = power.model_copy(update={"id": "unstable", "seeds": 3, "single_seed": [], "texts": None, "paper": None})
    failing = without.model_copy(update={"reason": "about failed runs"})
    plan = small_plan().model_copy(update={"claims": [power, failing], "spreads": "spreads of a test."})
    lines = plan_page.markdown(plan).split("\n")
    assert cells(lines)[-3:] == [
        [
            "claim",
            "kind",
            "seeds",
            "test texts",
            *("paper: holds", "does not", "open"),
            *("none: holds", "does not", "open"),
        ],
        ["decay-helps", "better", "1*", "25,000", "25", "50", "25", "", "", ""],
        ["unstable", "better", "3", "", "", "", "", "", "", ""],
    ]
    assert "Not computed: about failed runs: unstable." in lines and "Computed with spreads of a test." in lines
    assert "Probability" not in plan_page.markdown(small_plan())


def test_energy_is_hours_times_watts() -> None:
    """At 500 W half a kilowatt hour an hour; the page says that this is an estimate, and on what it rests."""
    power = DevicePower(watts=500.0, source="while its speed was measured", estimated=True)
    plan = estimate.build(paper_plan(), averages(), RATES.model_copy(update={"power": power}))
    assert plan.power == power
    start = RATES.start / 3600
    for sums in (plan.total, plan.artefacts["table2"].sums):
        assert sums.kwh == pytest.approx((sums.hours - start * sums.jobs) / 2)
    page = plan_page.markdown(plan)
    assert (
        f"Energy: **{plan.total.kwh:,.0f} kWh**, an estimate: time within trainings at 500 W a device, "
        "while its speed was measured, themselves estimated." in page
    )
    assert cells(page.split("\n"))[0] == ["artefact", "jobs", "steps", "tokens", "alone", "energy", "added"]
    unknown = plan_page.markdown(estimate.build(paper_plan(), averages(), RATES))
    assert "Energy: not planned, since the power of the device is not known; --config watts= gives it." in unknown


def test_energy_of_jobs_that_are_done() -> None:
    plan = small_plan(done=1)
    power = DevicePower(watts=500.0, source="given", estimated=True)
    energies = {"kwh": 1.0, "done_planned_kwh": 0.5, "done_spent_kwh": 0.75}
    total = plan.total.model_copy(update=energies)
    table = plan.artefacts["table2"]
    artefacts = {"table2": table.model_copy(update={"sums": table.sums.model_copy(update={"done_spent_kwh": None})})}
    page = plan_page.markdown(plan.model_copy(update={"power": power, "total": total, "artefacts": artefacts}))
    assert "Energy: **1 kWh**, an estimate: time within trainings at 500 W a device, given." in page
    rows = cells(page.split("\n"))
    assert rows[0][-5:] == ["done", "planned", "took", "planned energy", "took energy"]
    assert rows[1][-2:] == ["–", "–"] and rows[2][-5:] == ["1", "1.0 h", "2.0 h", "0.5 kWh", "0.75 kWh"]
