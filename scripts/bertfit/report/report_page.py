"""``report.html``: one self-contained page of a study, which opens offline and loads nothing from the network.

The same inputs give the same bytes; what differs between two runs of a study are the times in their records.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from bertfit import __version__
from bertfit.artefacts import table_rendering
from bertfit.claims import by_encoder, claim_record
from bertfit.core import formatting
from bertfit.core.errors import UserError
from bertfit.core.files import read_json, write_text
from bertfit.core.pydantic_errors import from_json
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.experiments.summary_specs import PlannedStage, ReportedCorpus, ReportSpec
from bertfit.report import (
    artefact_view,
    contributions_view,
    cost_figure,
    cost_summary,
    encoders_compared,
    error_against_cost,
    paper_differences,
    run_explorer,
    verdict_view,
)
from bertfit.report.page_data import embedded, page_data

TEMPLATES = Path(__file__).parent / "templates"
# A second line of defence against markup in the texts of a corpus: nothing is loaded, and no other script runs.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{script}'; "
    "base-uri 'none'; form-action 'none'"
)


def build(spec: ReportSpec, *, root: Path, html: Path, plan: Path | None = None) -> None:
    """Write the page from what lies in ``root``, the study's results, and from what ``spec`` says of it.

    ``spec`` is that of `report_jobs.ReportJobs.report_spec`, ``plan`` the study's ``plan.json``.

    Raises `UserError` where a file is missing or damaged.
    """
    try:
        write_text(html, page(spec, root, _planned(plan) if plan else None))
    except (OSError, json.JSONDecodeError) as error:
        raise UserError(f"{error}; delete the file if it is there, and run again") from error


def page(spec: ReportSpec, root: Path, planned: Mapping[str, PlannedStage] | None = None) -> str:
    """The page's HTML; ``planned``: stages of a plan."""
    all_claims = claim_record.read(root / spec.claims)
    claims = by_encoder.of_base(all_claims)
    runs, encoders = run_explorer.runs(spec, root), run_explorer.encoders(spec, root)
    cards = {name: _card(name, corpus, root) for name, corpus in spec.corpora.items()}
    done = [(run.stage, job.record.cost) for run in runs.values() for job in run.jobs]
    done += [(encoder.stage, encoder.job.record.cost) for encoder in encoders.values() if not encoder.saved_from]
    jobs = [job for details in runs.values() for job in details.jobs]
    jobs += [encoder.job for encoder in encoders.values()]
    machines = cost_summary.distinct(job.record.machine.model_dump(exclude_none=True) for job in jobs)
    versions = cost_summary.distinct(job.record.versions for job in jobs)
    data = page_data(
        spec,
        runs,
        encoders,
        classes={name: card.label_names for name, card in cards.items() if card},
        texts=run_explorer.shown_texts(spec, root, runs),
        machines=[machine for machine, _ in machines],
        versions=[numbers for numbers, _ in versions],
    )
    costs = error_against_cost.group_costs(spec, runs, encoders)
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    return _environment().get_template("report.html").render(
        version=__version__,
        study=spec.study,
        titles=data["titles"],
        shown_in={key for run in runs.values() for key in run.shown_in},
        claims=verdict_view.verdicts(claims, spec.behind, spec.expected),
        counts=verdict_view.counts(claims),
        by_encoder=verdict_view.by_encoder(all_claims),
        tones=verdict_view.TONES,
        compared=encoders_compared.compare(spec, runs),
        scale=verdict_view.span(claims),
        expected=any(claim.expected in ("effect", "null") and not claim.not_chosen for claim in claims),
        artefacts=artefact_view.artefacts(spec, root),
        published=paper_differences.published_numbers(spec, root, runs, cards),
        runs=runs,
        encoders=encoders,
        corpora={name: {**vars(corpus), "card": cards[name]} for name, corpus in spec.corpora.items()},
        documents={name: _documents(corpus, root) for name, corpus in spec.corpora.items()},
        contributions=contributions_view.view(spec.contributed) if spec.contributed else None,
        stages=cost_summary.stages(done, planned),
        costs={group.run: group for group in costs},
        cost_figures=cost_figure.figures(costs, {name: corpus.title for name, corpus in spec.corpora.items()}),
        costs_csv=artefact_view.data_address(error_against_cost.csv(costs).encode(), "text/csv"),
        front=error_against_cost.FRONT,
        unrecorded=error_against_cost.unrecorded(costs),
        plan=planned is not None,
        machines=machines,
        versions=versions,
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        script=script,
        policy=POLICY.format(script=_digest(script)),
        data=embedded(data),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- parts


def _card(name: str, corpus: ReportedCorpus, root: Path) -> CorpusCard | None:
    return None if corpus.reason else corpus_card.read(root / "corpora" / name / "card.json")


def _documents(corpus: ReportedCorpus, root: Path) -> list[dict[str, Any]]:
    """What is said of a corpus's pre-training texts, by file."""
    return [{"file": file, **read_json(root / "documents" / file)} for file in corpus.documents]


def _planned(path: Path) -> dict[str, PlannedStage]:
    """The stages of ``plan.json``."""
    try:
        return {name: from_json(PlannedStage, stage) for name, stage in read_json(path)["stages"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a plan ({error}); delete it, and run snakemake plan again") from error


def _svg_address(svg: str) -> str:
    return artefact_view.data_address(svg.encode(), "image/svg+xml")


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _environment() -> jinja2.Environment:
    environment = table_rendering.environment(TEMPLATES)
    environment.filters |= {"duration": formatting.duration, "signed": formatting.signed, "size": formatting.size}
    environment.filters |= {"energy": formatting.energy, "svg_address": _svg_address}
    return environment
