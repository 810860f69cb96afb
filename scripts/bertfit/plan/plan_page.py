"""``plan.md``, a page in Markdown, which is printed, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertfit.core.formatting import count, energy, hours, size, table, tera
from bertfit.plan.measured_cost import GIVEN, StartCost
from bertfit.plan.plan_record import JobSums, Plan, Speed, StudyTime
from bertfit.power.power_schema import Chances, ClaimPower


def markdown(plan: Plan) -> str:
    """The page of a plan."""
    total, speed = plan.total, plan.speed
    lines = [
        f"# Plan: {plan.study}",
        "",
        f"{total.jobs} training jobs, {total.steps:,} steps, {count(total.tokens)} tokens: "
        f"**{hours(plan.time.hours)} of one device**, {_share(plan.time)}. {_wall(plan.time, plan.jobs_per_gpu)}",
        "",
        *_without_graphs(plan),
        f"Speed {speed.source}: {_speed(speed)}; {speed.start:.0f} s until a job trains.",
        "",
        _energy(plan),
        "",
        *_artefacts(plan),
        "",
        *_disk(plan.disk_bytes),
        "",
        *_start(plan.start),
        *claims(plan.claims, plan.spreads),
        "Assumed:",
        "",
        *(f"- {assumption}" for assumption in (*_fixed(speed), *plan.assumptions)),
    ]
    return "\n".join(lines) + "\n"


def _share(time: StudyTime) -> str:
    return f"{100 * time.per_step_share:.0f} % of them time per step"


def _wall(time: StudyTime, jobs_per_gpu: int) -> str:
    """Wall time on each number of devices."""
    walls = ", ".join(f"{hours(value)} on {number}" for number, value in time.wall_hours.items())
    return f"Wall time{f', {jobs_per_gpu} jobs a GPU' if jobs_per_gpu > 1 else ''}: {walls}."


def _without_graphs(plan: Plan) -> list[str]:
    """The time without CUDA graphs, where both were measured."""
    time = plan.without_graphs
    if time is None:
        return []
    return [
        f"Without CUDA graphs: **{hours(time.hours)} of one device**, {_share(time)}. {_wall(time, plan.jobs_per_gpu)}",
        "",
    ]


def _energy(plan: Plan) -> str:
    """The energy of all jobs, and the power that it is planned with."""
    power = plan.power
    if power is None or plan.total.kwh is None:
        return "Energy: not planned, since the power of the device is not known; --config watts= gives it."
    return (
        f"Energy: **{energy(plan.total.kwh)}**, an estimate: time within trainings at {power.watts:.3g} W a device, "
        f"{power.source}{', themselves estimated' if power.estimated and power.source != GIVEN else ''}."
    )


def _speed(speed: Speed) -> str:
    """Operations and time per step of each kind of step."""
    slower = speed.step_seconds_without_graphs
    parts = []
    for kind, title in (("finetune", "fine-tuning"), ("evaluate", "evaluating"), ("pretrain", "pre-training")):
        part = f"{title}: operations at {tera(getattr(speed.operations_per_second, kind))}, plus "
        part += f"{_milliseconds(getattr(speed.step_seconds, kind))} {'a batch' if kind == 'evaluate' else 'a step'}"
        if slower and kind != "evaluate":
            part += f" ({_milliseconds(getattr(slower, kind))} without CUDA graphs)"
        parts.append(part)
    return "; ".join(parts)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def _fixed(speed: Speed) -> tuple[str, ...]:
    """What every plan assumes."""
    return (
        "products of matrices and attention at these operations a second whatever the size of the encoder (larger ones "
        "are faster, so their hours are an upper bound)",
        "time of each step beside its operations (kernel launches, packing, update of the weights), in proportion to "
        f"the layers that are computed; batches of evaluation have up to {speed.batch_tokens:,} tokens",
        "data preparation, scores, tables and figures are not counted",
    )


def _artefacts(plan: Plan) -> list[str]:
    done, power = plan.total.done_jobs > 0, plan.power is not None
    head = ["artefact", "jobs", "steps", "tokens", "alone", *(["energy"] if power else []), "added"]
    head += ["done", "planned", "took"] if done else []
    head += ["planned energy", "took energy"] if done and power else []
    rows = [
        _row(artefact.number, artefact.sums, artefact.added_hours, done, power)
        for artefact in plan.artefacts.values()
        if artefact.sums.jobs
    ]
    rows.append(_row("**together**", plan.total, plan.total.hours, done, power))
    return [
        *table(head, rows, "lr", padded=True),
        "",
        f"alone: hours of one device {'and energy ' if power else ''}with all that it needs; added: without what "
        "artefacts above it need, too.",
        *(["done, planned, took: jobs that are done, what was planned for them and what they took."] if done else []),
    ]


def _row(name: str, sums: JobSums, added: float, done: bool, power: bool) -> list[str]:
    row = [name, str(sums.jobs), f"{sums.steps:,}", count(sums.tokens), hours(sums.hours)]
    row += [energy(sums.kwh)] if power else []
    row.append(hours(added))
    if done:
        row += [str(sums.done_jobs), hours(sums.done_planned_hours), hours(sums.done_spent_hours)]
    if done and power:
        row += [energy(sums.done_planned_kwh), energy(sums.done_spent_kwh)]
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


def claims(power: Sequence[ClaimPower], spreads: str) -> list[str]:
    """The probabilities of the verdicts, and what they rest on; empty without claims."""
    if not power:
        return []
    head = [
        "claim",
        "kind",
        "seeds",
        "test texts",
        "paper: holds",
        "does not",
        "open",
        "none: holds",
        "does not",
        "open",
    ]
    rows = [
        [
            each.id,
            each.kind,
            f"{each.seeds}*" if each.single_seed else str(each.seeds),
            "" if each.texts is None else f"{each.texts:,}",
            *_chances(each.paper),
            *_chances(each.none),
        ]
        for each in power
    ]
    reasons: dict[str, list[str]] = {}
    for each in power:
        if each.reason:
            reasons.setdefault(each.reason, []).append(each.id)
    missing = "; ".join(f"{reason}: {', '.join(names)}" for reason, names in reasons.items())
    return [
        "Probability of each verdict, in percent; paper: if the paper's errors are the true ones; none: if all ways to "
        "train on a corpus have the same error.",
        "",
        *table(head, rows, "llrrrrrrrr", padded=True),
        "",
        "test texts: of the smallest test set. *: corpora with one seed are among them, where a verdict is about the "
        "trained models alone and not about other seeds. Not counted: failed runs, the seed of further pre-training, "
        "texts that are not independent.",
        "",
        *([f"Not computed: {missing}.", ""] if missing else []),
        f"Computed with {spreads.rstrip('.')}.",
        "",
    ]


def _chances(chances: Chances | None) -> list[str]:
    if chances is None:
        return ["", "", ""]
    return [f"{100 * value:.0f}" for value in (chances.holds, chances.refuted, chances.open)]
