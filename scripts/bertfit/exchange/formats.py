"""Exports the runs of a study: chooses them, and the writer of the format that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from bertfit.core.errors import UserError
from bertfit.exchange import harness_results, hub_results, mlflow_runs, wandb_runs
from bertfit.exchange.study_records import Selection, open_records

Format = Literal["hub", "lm-eval", "mlflow", "wandb"]
FORMATS: tuple[Format, ...] = get_args(Format)
ON_THE_COMMAND_LINE = {"benchmarks": "benchmark"}
"""field of `ExportRequest` -> its option, where that has another name"""
TAKEN_BY: dict[str, tuple[Format, ...]] = {
    "uri": ("mlflow",),
    "benchmarks": ("hub",),
    "source": ("hub",),
    "selection": ("hub", "lm-eval"),
    "date": ("hub", "lm-eval"),
    "predictions": ("lm-eval", "mlflow", "wandb"),
}
"""field of `ExportRequest` -> the formats that it is for"""


@dataclass(frozen=True)
class ExportRequest:
    """What the command line asks for; None or empty where an option is not given."""

    to: Format
    out: Path | None = None
    artefacts: Sequence[str] = ()
    corpora: Sequence[str] = ()
    selection: Selection | None = None
    date: str | None = None
    predictions: bool = False
    benchmarks: Sequence[str] = ()
    source: str | None = None
    uri: str | None = None


def export(records: Path, request: ExportRequest) -> list[str]:
    """Export the runs of ``records``, a results folder or an archive; returns lines that say what was written.

    Raises `UserError` for an option that the format has no use for, and as `open_records`, `StudyRecords.runs` and the
    exporters do.
    """
    for option, formats in TAKEN_BY.items():
        if getattr(request, option) and request.to not in formats:
            name = ON_THE_COMMAND_LINE.get(option, option)
            raise UserError(f"--{name}: only for --to {' or '.join(formats)}; leave it out")
    if request.out is None and request.uri is None:
        raise UserError("--out: give a folder to write to")
    out = request.out or Path()
    date = parse_date(request.date) if request.date else None
    selection = request.selection or "last"
    with open_records(records) as study:
        runs = study.runs(request.artefacts, request.corpora)
        if not runs:
            raise UserError(f"{records}: no run of these tables and corpora; ask for others")
        match request.to:
            case "hub":
                benchmarks = dict(map(hub_results.parse_benchmark, request.benchmarks))
                count, reasons = hub_results.export(
                    runs, out, selection=selection, date=date, source=request.source, benchmarks=benchmarks
                )
                without = [f"{corpus}: no entries, {why}" for corpus, why in reasons.items()]
                return [f"{count} of {len(runs)} runs in {out}", *without]
            case "lm-eval":
                count = harness_results.export(
                    runs, out, selection=selection, date=date, predictions=request.predictions
                )
                return [f"{count} runs in {out}"]
            case "mlflow":
                added = mlflow_runs.export(runs, out, uri=request.uri, predictions=request.predictions)
                return [f"{added} runs added to {request.uri or out}, {len(runs) - added} were there"]
            case "wandb":
                added = wandb_runs.export(runs, out, predictions=request.predictions)
                return [f"{added} runs added to {out}, {len(runs) - added} were there"]


def parse_date(text: str) -> datetime:
    """A date, or a date with a time, in UTC where it names no zone. Raises `UserError` for any other text."""
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"--date {text!r}: give a date such as 2026-05-01 or 2026-05-01T12:00:00 ({error})") from error
    return date if date.tzinfo else date.replace(tzinfo=UTC)
