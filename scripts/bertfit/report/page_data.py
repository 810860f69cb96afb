"""The data of the page's script: all that it shows of a run or encoder that is opened, sizes and times in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bertfit.core.formatting import count, duration, energy, size
from bertfit.energy.energy_use import Energy
from bertfit.experiments.job_record import ClassifierFacts, JobRecord
from bertfit.experiments.summary_specs import ReportSpec
from bertfit.report.run_explorer import DoneJob, EncoderDetails, RunGroupDetails, finite, short


def page_data(
    spec: ReportSpec,
    runs: Mapping[str, RunGroupDetails],
    encoders: Mapping[str, EncoderDetails],
    *,
    classes: Mapping[str, Sequence[str]],
    texts: Mapping[str, Mapping[int, str]],
    machines: Sequence[Mapping[str, Any]],
    versions: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """By address all runs and encoders.

    ``classes``: corpus -> names of its labels; ``texts``: those of `run_explorer.shown_texts`. Jobs refer to
    ``machines`` and ``versions`` by index, as many share them.
    """

    def job(done: DoneJob) -> dict[str, Any]:
        record = done.record
        where = {
            "machine": machines.index(record.machine.model_dump(exclude_none=True)),
            "versions": versions.index(record.versions),
        }
        who = {"contributor": record.contributor} if record.contributor else {}
        return {"path": done.path, "code": record.code, **who, **where, **_cost(done), "inputs": _inputs(done)}

    def run(details: RunGroupDetails) -> dict[str, Any]:
        mistakes = [
            [mistake.example, mistake.label, mistake.predicted, short(mistake.confidence), mistake.wrong]
            for mistake in details.mistakes
        ]
        return vars(details) | {"mistakes": mistakes, "jobs": [job(done) for done in details.jobs]}

    def encoder(details: EncoderDetails) -> dict[str, Any]:
        losses = details.held_out and {name: finite(loss) for name, loss in details.held_out.model_dump().items()}
        return vars(details) | {"held_out": losses, "job": job(details.job)}

    return {
        "default": spec.default.model_dump(mode="json"),
        "titles": {artefact.key: artefact.number for artefact in spec.artefacts},
        "classes": classes,
        "texts": texts,
        "versions": versions,
        "machines": machines,
        "runs": {address: run(details) for address, details in runs.items()},
        "encoders": {name: encoder(details) for name, details in encoders.items()},
    }


def embedded(value: Any) -> str:
    """JSON for a script tag, compact: no text in it can close the tag, or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _cost(done: DoneJob) -> dict[str, Any]:
    cost, seconds = done.record.cost, done.seconds
    threads = f", {cost.threads} CPU thread{'' if cost.threads == 1 else 's'}" if cost.threads else ""
    rate = f", {cost.tokens / seconds:,.0f} per second" if cost.tokens and seconds else ""
    memory = cost.peak_memory_bytes.model_dump(exclude_none=True)
    return {
        "time": f"{duration(seconds)}{threads}",
        "word_pieces": f"{cost.tokens:,}{rate}" if cost.tokens else "–",
        "memory": ", ".join(f"{size(peak)} ({name})" for name, peak in memory.items()),
        **({"energy": _energy(cost.total_energy)} if cost.total_energy else {}),
        **({"classifier": _classifier(done.record, done.record.classifier)} if done.record.classifier else {}),
    }


def _energy(spent: Energy) -> str:
    """Energy, and how it was found."""
    gpu = f"GPU {energy(spent.gpu_kwh)} ({spent.gpu_method})"
    return f"{energy(spent.kwh)}: {gpu}, CPU {energy(spent.cpu_kwh)} ({spent.cpu_method})"


def _classifier(record: JobRecord, facts: ClassifierFacts) -> str:
    """Size, and time of a text."""
    time = "" if record.milliseconds is None else f"; {record.milliseconds:.3g} ms a text in batches"
    return f"{count(facts.parameters)} parameters, {size(facts.bytes)} as float32{time}"


def _inputs(done: DoneJob) -> dict[str, str]:
    """Input -> first 16 digits of its digest."""
    return {name: file.sha256[:16] for name, file in done.record.inputs.items()}
