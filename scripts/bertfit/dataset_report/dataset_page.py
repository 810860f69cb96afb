"""``report.html`` of your own dataset: one self-contained page without scripts, which loads nothing from the network.

The same inputs give the same bytes. Texts and names of classes are the user's: jinja2 escapes all of them.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import jinja2

from bertfit import __version__
from bertfit.core import formatting
from bertfit.core.errors import plain
from bertfit.core.files import write_text
from bertfit.dataset_report import (
    candidate_rows,
    class_scores,
    dataset_files,
    more_labels,
    phrases,
    reliability,
    report_warnings,
    text_facts,
)
from bertfit.dataset_report.answer import answer
from bertfit.dataset_report.dataset_files import DatasetFiles
from bertfit.dataset_report.dataset_spec import DatasetReportSpec

TEMPLATES = Path(__file__).parent / "templates"
STYLES = (Path(__file__).parents[1] / "report" / "templates" / "report.css", TEMPLATES / "dataset.css")
# A second line of defence against markup in the texts: no script runs and nothing is loaded.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
LONGEST = 500
"""characters of a text that are shown"""


def build(spec: DatasetReportSpec, files: DatasetFiles, out: Path) -> None:
    """Write the page. Raises `UserError` for an input that is missing or damaged."""
    write_text(out, page(spec, files))


def page(spec: DatasetReportSpec, files: DatasetFiles) -> str:
    """The page's HTML."""
    facts = dataset_files.read(files)
    outcome, card = facts.outcome, facts.card
    curve = more_labels.read(files.curve) if files.curve else None
    return _environment().get_template("dataset.html").render(
        version=__version__,
        spec=spec,
        policy=POLICY,
        style="".join(path.read_text(encoding="utf-8") for path in STYLES),
        choice=facts.choice,
        outcome=outcome,
        answer=answer(facts),
        warnings=report_warnings.warnings(facts),
        tried=candidate_rows.comparison(facts, spec.titles),
        classes=class_scores.in_order(outcome),
        first=class_scores.FIRST,
        matrix=class_scores.matrix(outcome),
        confused=class_scores.confused(outcome),
        reliability=reliability.figure(outcome, files.predictions[0]),
        curve=more_labels.figure(curve) if curve else None,
        curve_sentences=more_labels.sentences(curve) if curve else [],
        label_errors=dataset_files.rows(files.label_errors, dataset_files.LABEL_ERRORS),
        mistakes=dataset_files.rows(files.mistakes, dataset_files.MISTAKES),
        rows=text_facts.class_rows(card),
        splits=card.splits,
        facts=text_facts.facts(card, files.train, facts.coverage),
        sizes=text_facts.sizes(spec.sizes),
        several_labels=outcome.several_labels,
        counted_words=facts.counted_words,
        column=None if spec.text is None else shlex.quote(str(spec.text)),
    )  # fmt: skip


def shortened(text: str) -> str:
    """The first `LONGEST` characters of a text."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()} …"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    filters: dict[str, Any] = {
        "duration": formatting.duration,
        "percent": phrases.percent,
        "counted": phrases.counted,
        "name": plain,
        "time_allowed": phrases.time_allowed,
        "shortened": shortened,
    }
    environment.filters |= filters
    return environment
