"""What tables and figures read and write, by their kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.workflow import code_digest
from bertfit.workflow.artefact_jobs import SCRIPT_OF_KIND, TABLE_TEMPLATES, ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs
from helpers.report_jobs import reporting

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def miniature() -> ReportJobs:
    return reporting("miniature")


def test_tables_depend_on_their_templates_and_figures_do_not(miniature):
    artefacts = ArtefactJobs(miniature.jobs)
    digests = {key: artefacts.spec(key).templates for key in miniature.jobs.registry.chosen}
    tables = artefacts.of_kind("table", "statistics", "forgetting")
    assert {key for key, digest in digests.items() if digest} == set(tables)
    assert {digests[key] for key in tables} == {code_digest.templates(TABLE_TEMPLATES)}


def test_files_of_an_artefact_by_its_kind(miniature):
    artefacts = ArtefactJobs(miniature.jobs)
    root = "results/miniature"
    assert artefacts.targets("table2") == [f"{root}/tables/table2.{kind}" for kind in ("csv", "md", "tex", "html")]
    assert artefacts.targets("figure2") == [f"{root}/figures/figure2.{kind}" for kind in ("svg", "png", "csv")]
    kinds = {artefact.kind for artefact in miniature.jobs.registry.artefacts.values()}
    assert kinds == set(SCRIPT_OF_KIND) - {"reliability"}, "the miniature has one of each but for calibration"
    assert sorted(key for kind in kinds for key in artefacts.of_kind(kind)) == sorted(miniature.jobs.registry.artefacts)


def test_inputs_of_an_artefact_by_its_kind(miniature):
    artefacts, registry = ArtefactJobs(miniature.jobs), miniature.jobs.registry
    root = "results/miniature"
    scored = {"results": f"{root}/scores/table2.parquet"}
    assert artefacts.inputs("table2") == scored
    (curves,), (statistics,) = artefacts.of_kind("curves"), artefacts.of_kind("statistics")
    histories = [f"{root}/{job.path}/history.csv" for job in registry.jobs(curves)]
    assert artefacts.inputs(curves) == {"histories": histories}
    inputs = artefacts.inputs(statistics)
    columns = list(registry.artefacts[statistics].columns)
    assert inputs["cards"] == [f"{root}/corpora/{name}/card.json" for name in columns]
    assert len(inputs["train"]) == len(inputs["test"]) == len(columns)
    (lineage,) = artefacts.of_kind("lineage")
    assert artefacts.inputs(lineage) == []


def test_everything_is_all_artefacts_verdicts_report_and_scores(miniature):
    whole = ArtefactJobs(miniature.jobs).everything()
    root = "results/miniature"
    assert whole[-3:] == [f"{root}/claims.md", f"{root}/report.html", f"{root}/results.parquet"]
    chosen = ArtefactJobs(reporting("miniature", artefacts="figure2").jobs)
    assert chosen.everything() == [*chosen.targets("figure2"), f"{root}/claims.choice.md", f"{root}/report.choice.html"]


def test_cells_say_their_runs_and_steps(miniature):
    cells = {(cell.row, cell.corpus): cell for cell in ArtefactJobs(miniature.jobs).spec("table6").cells}
    further = cells["BERT-IDPT-FiT", "trec"]
    assert (further.encoder, further.steps) == ("mini~all_question@200.each", 200)
    assert all(path.startswith(f"../runs/trec/{further.encoder}/{further.recipe}/seeds") for path in further.runs)
    plain, counts = cells["BERT-FiT", "trec"], cells["TF-IDF + linear", "trec"]
    assert (plain.encoder, plain.steps, counts.encoder, counts.steps) == ("mini", 0, "tfidf", 0)


def test_labels_of_an_artefact_in_snakemakes_report(miniature):
    labels = ArtefactJobs(miniature.jobs).labels("table2", "table")
    assert labels == {"artefact": "Table 2", "title": "Ways to deal with long texts", "form": "table"}
