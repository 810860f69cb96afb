"""``summary.json``: the lines that a run on your own dataset ends with (`StudySummary`)."""

from __future__ import annotations

from pathlib import Path

from bertfit.core.files import write_json
from bertfit.dataset_report import dataset_files, report_warnings
from bertfit.dataset_report.answer import UNITS
from bertfit.dataset_report.dataset_files import DatasetFacts, DatasetFiles
from bertfit.dataset_report.dataset_spec import DatasetReportSpec
from bertfit.dataset_report.phrases import percent, points, points_range
from bertfit.experiments.study_summary import StudySummary


def build(spec: DatasetReportSpec, files: DatasetFiles, out: Path) -> None:
    """Write the summary. Raises `UserError` for an input that is missing or damaged."""
    facts = dataset_files.read(files)
    error = facts.outcome.error
    summary = StudySummary(
        winner=facts.choice.winner.title,
        error=f"{percent(error.value)} ({100 * error.low:.1f} to {100 * error.high:.1f})",
        compared=_compared(facts),
        report=f"{spec.root}/report.html",
        model=f"{spec.root}/model",
        mistakes=f"{spec.root}/mistakes.csv",
        warnings=[f"{each.problem} {each.cure}".strip() for each in report_warnings.warnings(facts)],
    )
    write_json(out, summary.model_dump(mode="json"))


def _compared(facts: DatasetFacts) -> str:
    """The second best candidate on the validation data."""
    if not facts.choice.leads:
        return "no other candidate was measured"
    second = facts.choice.leads[0]
    interval = points_range(second.low, second.high)
    return (
        f"{second.title}, behind by {points(second.value)} {UNITS[facts.choice.metric]} ({interval}) on validation data"
    )
