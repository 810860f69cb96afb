"""The base encoders of a study side by side: error on the runs that all of them have, size, speed, time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from bertfit.config.study_schema import repeated
from bertfit.experiments.summary_specs import ReportSpec
from bertfit.report.run_explorer import RunGroupDetails

Place = tuple[str, str, str, str | None]
"""artefact as the base encoder has it, row, column, size"""


@dataclass(frozen=True)
class ComparedEncoder:
    """A base encoder; what was not recorded is None."""

    title: str
    family: str | None
    way: str | None
    parameters: int | None
    error: float
    """mean of the cells' errors, in percent"""
    tokens_per_second: float | None
    seconds: float
    """of fine-tuning, of all these runs"""


@dataclass(frozen=True)
class EncoderComparison:
    """``cells``: places of tables and figures at which every encoder has runs."""

    encoders: list[ComparedEncoder]
    cells: int


def compare(spec: ReportSpec, runs: Mapping[str, RunGroupDetails]) -> EncoderComparison | None:
    """The study's base encoder and its ``others``; None if it has none, or no cell that all of them have."""
    others = spec.study.others
    titles = {"": spec.study.base} | {encoder: title for encoder, (title, _) in others.items()}
    shared = set.intersection(*(set(artefacts) for _, artefacts in others.values())) if others else set()
    cells: dict[str, dict[Place, str]] = {encoder: {} for encoder in titles}
    for encoder, found in cells.items():
        wanted = {repeated(key, encoder) if encoder else key: key for key in shared}
        for artefact in spec.artefacts:
            for cell in artefact.cells if artefact.key in wanted else ():
                if cell.run in runs:
                    found[wanted[artefact.key], cell.row, cell.column, cell.size] = str(cell.run)
    common = set.intersection(*(set(found) for found in cells.values()))
    if not others or not common:
        return None
    rows = [
        _row(titles[encoder], [runs[found[place]] for place in sorted(common, key=str)])
        for encoder, found in cells.items()
    ]
    return EncoderComparison(rows, len(common))


def _row(title: str, cells: list[RunGroupDetails]) -> ComparedEncoder:
    # A run can be in several cells, and a block of seeds of a merged archive can be made of several jobs.
    jobs = list({(job.path, number): job for run in cells for number, job in enumerate(run.jobs)}.values())
    facts = next((job.record.encoder for job in jobs if job.record.encoder), None)
    timed = [job.record.cost for job in jobs if job.record.cost.tokens and job.record.cost.seconds]
    tokens, seconds = sum(cost.tokens or 0 for cost in timed), sum(cost.seconds or 0 for cost in timed)
    return ComparedEncoder(
        title=title,
        family=facts.family if facts else None,
        way=facts.way if facts else None,
        parameters=facts.parameters if facts else None,
        error=fmean(run.mean for run in cells),
        tokens_per_second=tokens / seconds if seconds else None,
        seconds=sum(job.seconds or 0.0 for job in jobs),
    )
