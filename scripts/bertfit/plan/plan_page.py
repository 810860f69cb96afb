"""``plan.md``, a page in Markdown, which is printed, too."""

from __future__ import annotations

from collections.abc import Mapping

from bertfit.core.formatting import count, hours, size, table, tera
from bertfit.plan.measured_cost import StartCost
from bertfit.plan.plan_record import JobSums, Plan


def markdown(plan: Plan) -> str:
    """The page of a plan."""
    total, speed = plan.total, plan.speed
    walls = ", ".join(f"{hours(value)} on {number}" for number, value in plan.wall_hours.items())
    lines = [
        f"# Plan: {plan.study}",
        "",
        f"{total.jobs} training jobs, {total.steps:,} steps, {count(total.tokens)} tokens: "
        f"**{hours(total.hours)} of one device**. Wall time: {walls}.",
        "",
        f"Speed {speed.source}: fine-tuning {tera(speed.finetune)}, evaluating {tera(speed.evaluate)}, "
        f"pre-training {tera(speed.pretrain)}; {speed.start:.0f} s until a job trains.",
        "",
        *_artefacts(plan),
        "",
        *_disk(plan.disk_bytes),
        "",
        *_start(plan.start),
        "Assumed:",
        "",
        *(f"- {assumption}" for assumption in (*FIXED, *plan.assumptions)),
    ]
    return "\n".join(lines) + "\n"


FIXED = (
    "products of matrices and attention take all the time, at the measured operations a second whatever the size of "
    "the encoder (larger ones are faster, so their hours are an upper bound)",
    "data preparation, scores, tables and figures are not counted",
)


def _artefacts(plan: Plan) -> list[str]:
    done = plan.total.done_jobs > 0
    head = ["artefact", "jobs", "steps", "tokens", "alone", "added", *(["done", "planned", "took"] if done else [])]
    rows = [
        _row(artefact.number, artefact.sums, artefact.added_hours, done)
        for artefact in plan.artefacts.values()
        if artefact.sums.jobs
    ]
    rows.append(_row("**together**", plan.total, plan.total.hours, done))
    return [
        *table(head, rows, "lr", padded=True),
        "",
        "alone: hours of one device with all that it needs; added: without what artefacts above it need, too.",
        *(["done, planned, took: jobs that are done, what was planned for them and what they took."] if done else []),
    ]


def _row(name: str, sums: JobSums, added: float, done: bool) -> list[str]:
    row = [name, str(sums.jobs), f"{sums.steps:,}", count(sums.tokens), hours(sums.hours), hours(added)]
    if done:
        row += [str(sums.done_jobs), hours(sums.done_planned_hours), hours(sums.done_spent_hours)]
    return row


def _disk(disk: Mapping[str, float]) -> list[str]:
    whole = sum(disk.values())
    rows = [[name, size(value)] for name, value in disk.items()] + [["**together**", size(whole)]]
    return table(["disk", "bytes"], rows, "lr", padded=True)


def _start(start: StartCost) -> list[str]:
    """The share of processes' time that is not training."""
    if start.share is None:
        return []
    return [
        f"Of {start.jobs} processes' time {100 * start.share:.0f} % was not training: {start.seconds:.1f} s a "
        f"job for Python, imports, reading and writing; planned {start.planned_seconds:.1f} s.",
        "",
    ]
