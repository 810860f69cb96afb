"""The page of a plan: sums, disk, what was assumed, and what jobs took that are done."""

from __future__ import annotations

from bertfit.plan import estimate, plan_page
from bertfit.plan.measured_cost import StartCost
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
        "2 training jobs, 1,200 steps, 12.3k tokens: **2.0 h of one device**. Wall time: 2.0 h on 1, 30 min on 8."
    )
    assert lines[4] == (
        "Speed given: fine-tuning 1 TFLOP/s, evaluating 2 TFLOP/s, pre-training 4 TFLOP/s; 30 s until a job trains."
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
