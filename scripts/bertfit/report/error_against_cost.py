"""What one classifier of each run group cost, beside its error: time, energy, time of a text, and size.

The cost of training is that of one seed, with the whole training of every encoder that it starts from: what somebody
spends who wants this classifier alone. Encoders that were fetched were paid for by others, and count nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import pandas as pd

from bertfit.core.formatting import spreadsheet_safe_frame
from bertfit.energy.energy_use import Energy, together
from bertfit.experiments.job_record import JobRecord
from bertfit.experiments.summary_specs import ReportSpec
from bertfit.report.run_explorer import EncoderDetails, RunGroupDetails

Method = Literal["word counts", "features", "fine-tuning", "after further pre-training", "after multi-task fine-tuning"]
CostMeasure = Literal["seconds", "kwh", "milliseconds", "parameters"]


FRONT = "no other is at least as good in both and better in one; of equals one is numbered"
"""what a point of the Pareto front is, in the figure, on the page and in the documentation"""
Parts = tuple[float | None, float | None]
"""cost of a job's loop, and of BERT-Feat's encoding; None: not known"""


@dataclass(frozen=True)
class GroupCost:
    """A run group: its error in percent with its interval, and what one classifier of it cost; None: not recorded."""

    run: str
    """address on the page"""
    corpus: str
    label: str
    method: Method
    error: float
    low: float
    high: float
    seconds: float | None
    """of one GPU, or of the CPU threads of a job"""
    kwh: float | None
    estimated: bool | None
    """whether any part of ``kwh`` is an estimate; None without it"""
    milliseconds: float | None
    """of a text of the test split, where they are evaluated in batches, times the GPUs that do it"""
    parameters: int | None

    def cost(self, measure: CostMeasure) -> float | None:
        """The cost by one measure."""
        return getattr(self, measure)


def group_costs(
    spec: ReportSpec, runs: Mapping[str, RunGroupDetails], encoders: Mapping[str, EncoderDetails]
) -> list[GroupCost]:
    """Every run group, in the order of ``runs``."""
    labels = _labels(spec)
    return [_group(address, run, encoders, labels) for address, run in runs.items()]


def front(groups: Sequence[GroupCost], measure: CostMeasure) -> list[GroupCost]:
    """The groups of one corpus of which `FRONT` is true for error and cost, the cheapest first; unknown costs apart."""
    known = [group for group in groups if group.cost(measure) is not None]
    ordered = sorted(known, key=lambda group: (group.cost(measure), group.error, group.run))
    best: list[GroupCost] = []
    for group in ordered:
        if not best or group.error < best[-1].error:
            best.append(group)
    return best


def by_corpus(groups: Sequence[GroupCost], measure: CostMeasure) -> dict[str, list[GroupCost]]:
    """The groups of each corpus that have this cost, of corpora with two such groups at least."""
    corpora: dict[str, list[GroupCost]] = {}
    for group in groups:
        if group.cost(measure) is not None:
            corpora.setdefault(group.corpus, []).append(group)
    return {corpus: found for corpus, found in corpora.items() if len(found) > 1}


def unrecorded(groups: Sequence[GroupCost]) -> list[str]:
    """What is not known of some groups, in words."""
    names: dict[CostMeasure, str] = {"kwh": "energy", "milliseconds": "time of a text", "parameters": "size"}
    return [name for measure, name in names.items() if any(group.cost(measure) is None for group in groups)]


def csv(groups: Sequence[GroupCost]) -> str:
    """All groups, a row each; empty where nothing was recorded."""
    text = io.StringIO()
    spreadsheet_safe_frame(pd.DataFrame([vars(group) for group in groups])).to_csv(text, index=False)
    return text.getvalue()


# ---------------------------------------------------------------------------------------------- parts


def _group(
    address: str, run: RunGroupDetails, encoders: Mapping[str, EncoderDetails], labels: Mapping[str, str]
) -> GroupCost:
    own, seeds = [job.record for job in run.jobs], len(run.seeds)
    ancestors = [list(_lineage(start, encoders)) for start in run.starts]
    trained = {cost: [[cost(record) for record in of] for of in ancestors] for cost in (_seconds, _kwh)}
    facts = [record.classifier for record in own if record.classifier]
    kwh = _one_classifier([_kwh(record) for record in own], seeds, trained[_kwh])
    return GroupCost(
        run=address,
        corpus=run.corpus,
        label=labels.get(address) or (run.encoder if run.recipe == "default" else f"{run.encoder} / {run.recipe}"),
        method=_method(run, encoders),
        error=run.mean,
        low=run.low,
        high=run.high,
        seconds=_one_classifier([_seconds(record) for record in own], seeds, trained[_seconds]),
        kwh=kwh,
        estimated=None
        if kwh is None
        else any(
            energy.estimated
            for record in (*own, *(record for of in ancestors for record in of))
            if (energy := record.cost.total_energy)
        ),
        milliseconds=min((record.milliseconds for record in own if record.milliseconds is not None), default=None),
        parameters=facts[0].parameters if facts else None,
    )


def _one_classifier(own: Sequence[Parts], seeds: int, ancestors: Sequence[Sequence[Parts]]) -> float | None:
    """Cost of one seed and of the encoders that it starts from, on average over seeds; None where one is not known.

    One seed needs the whole encoding that the seeds of a job share: its mean over jobs is added.
    """
    loops, encodings = ([parts[which] for parts in own] for which in (0, 1))
    before = [0.0, *(cost for lineage in ancestors for parts in lineage for cost in parts)]
    sums = ((loops, seeds), (encodings, len(own)), (before, len(ancestors) or 1))
    means = [None if (whole := together(costs)) is None else whole / count for costs, count in sums]
    return together(means)


def _seconds(record: JobRecord) -> Parts:
    """Of one device; 0 of a job that trains nothing."""
    cost, devices = record.cost, record.machine.processes
    return (cost.seconds or 0.0) * devices, cost.encoding.seconds * devices


def _kwh(record: JobRecord) -> Parts:
    cost = record.cost
    return _known_kwh(cost.seconds, cost.energy), _known_kwh(cost.encoding.seconds, cost.encoding.energy)


def _known_kwh(seconds: float | None, energy: Energy | None) -> float | None:
    return (energy.kwh if energy else None) if seconds else 0.0


def _lineage(encoder: str, encoders: Mapping[str, EncoderDetails]) -> Iterator[JobRecord]:
    """Records of the trainings that made an encoder, with that of a generator of replaced words."""
    details = encoders.get(encoder)
    if details is None:
        return
    record = details.job.record
    yield record
    if "generator" in record.inputs:
        yield from _lineage(PurePosixPath(record.inputs["generator"].path).parent.name, encoders)
    if details.parent:
        yield from _lineage(details.parent, encoders)


def _method(run: RunGroupDetails, encoders: Mapping[str, EncoderDetails]) -> Method:
    if run.stage == "baseline":
        return "word counts"
    if run.stage == "features":
        return "features"
    stages, name = set(), run.starts[0] if run.starts else None
    while name and (details := encoders.get(name)) and details.parent:
        stages.add(details.stage)
        name = details.parent
    if "multi-task fine-tuning" in stages:
        return "after multi-task fine-tuning"
    return "after further pre-training" if stages else "fine-tuning"


def _labels(spec: ReportSpec) -> dict[str, str]:
    """Address of a run group -> its row, and the table or figure that shows it first."""
    labels: dict[str, str] = {}
    for artefact in spec.artefacts:
        for cell in artefact.cells:
            if cell.run:
                size = f" at {cell.size}" if cell.size else ""
                labels.setdefault(cell.run, f"{cell.row}{size} ({artefact.number})")
    return labels
