"""What the jobs of verdicts and report read and show, on the studies of the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bertfit.experiments.job_specs import plain
from bertfit.experiments.summary_specs import ReportedCorpus
from bertfit.workflow.claim_jobs import address
from bertfit.workflow.report_jobs import ReportJobs
from helpers.report_jobs import reporting

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def miniature() -> ReportJobs:
    return reporting("miniature")


def test_texts_are_those_of_generated_corpora(miniature):
    assert miniature.report_spec().texts == list(miniature.jobs.registry.settings.study.corpora)
    paper = reporting("paper")
    assert paper.report_spec().texts == [] and not any("test.parquet" in path for path in paper.corpus_files())


def test_all_runs_and_encoders_of_a_study(miniature):
    spec, registry = miniature.report_spec(), miniature.jobs.registry
    assert [run.path for run in spec.runs] == [job.path for job in registry.jobs()]
    assert miniature.run_files("run.json") == [f"results/miniature/{run.path}/run.json" for run in spec.runs]
    stages = {run.encoder: run.stage for run in spec.runs if run.stage != "fine-tuning"}
    assert stages == {"tfidf": "baseline", "mini": "features"}
    assert [encoder.encoder for encoder in spec.encoders] == registry.encoders
    by_name = {encoder.encoder: encoder for encoder in spec.encoders}
    assert by_name["mini"].parent is None and by_name["mini"].stage == "pre-training"
    assert by_name["mini~imdb@20of200.s1"].saved_from == "mini~imdb@200.s1"
    assert by_name["mini~all@200.s1~mt-four.s1"].parent == "mini~all@200.s1"
    assert by_name["mini~all@200.s1~mt-four.s1"].stage == "multi-task fine-tuning"
    fetched = {encoder.encoder for encoder in reporting("paper").report_spec().encoders if encoder.stage == "fetched"}
    assert {"bert-base", "bert-large"} <= fetched
    assert not any("/bert-base/" in path for path in reporting("paper").encoder_files("history.csv"))


def test_links_lead_to_runs(miniature):
    spec = miniature.report_spec()
    runs = {f"{run.corpus}/{run.encoder}/{run.recipe}": run for run in spec.runs}
    assert {address(job.run_group) for job in miniature.runs} == set(runs)
    for artefact in spec.artefacts:
        for cell in artefact.cells:
            if cell.run:
                assert artefact.key in runs[cell.run].shown_in
    contrasts = {question.id: len(question.contrasts) for question in miniature.questions}
    assert {claim: len(behind) for claim, behind in spec.behind.items()} == contrasts
    assert {run for behind in spec.behind.values() for comparison in behind for run in comparison} <= set(runs)
    first = spec.behind["head-tail-best"][0]
    assert first == [f"imdb/mini/evaluate_every=160+steps=160{cut}" for cut in ("", "+truncation=head")]


def test_files_of_artefacts_and_corpora(miniature):
    files = miniature.artefact_files()
    assert {"results/miniature/tables/table2.csv", "results/miniature/figures/figure2.svg"} <= set(files)
    assert not any(path.endswith((".tex", ".png", ".html")) for path in files)
    spec = miniature.report_spec()
    documents = ["imdb.train.json"]
    assert spec.corpora["imdb"] == ReportedCorpus(title="IMDb", reason="", documents=documents)
    leaking = reporting("paper").report_spec().corpora["imdb"]  # a control pre-trains on its test text, too
    assert leaking.documents == ["imdb.train.json", "imdb.test.json"]
    assert "results/miniature/documents/imdb.train.json" in miniature.corpus_files()
    assert not any("general" in path for path in miniature.corpus_files())  # an unlabelled text has no card


def test_corpora_that_are_left_out_say_why():
    spec = reporting("miniature", corpora="imdb").report_spec()
    assert spec.corpora["imdb"].reason == ""
    # mixes keep what --config leaves out of the artefacts, so its card is there
    assert spec.corpora["sogou"].reason == "left out by --config corpora"
    table2 = next(artefact for artefact in spec.artefacts if artefact.key == "table2")
    assert {cell.status for cell in table2.cells if cell.column == "Sogou"} == {"not available"}


def test_a_choice_of_artefacts_needs_nothing_else():
    chosen = reporting("miniature", artefacts="table2+figure2")
    spec, registry = chosen.report_spec(), chosen.jobs.registry
    assert [artefact.key for artefact in spec.artefacts] == ["table2", "figure2"]
    wanted = {job.path for key in ("table2", "figure2") for job in registry.jobs(key)}
    assert {run.path for run in spec.runs} == wanted and len(spec.runs) == len(wanted) < 20
    assert {key for run in spec.runs for key in run.shown_in} == {"table2", "figure2"}
    assert [encoder.encoder for encoder in spec.encoders] == ["mini"]
    assert chosen.score_files() == [f"results/miniature/scores/{key}.parquet" for key in ("table2", "figure2")]
    assert set(chosen.claim_files()) <= {f"results/miniature/{path}/predictions.parquet" for path in wanted}
    compared = {
        question.id for question in chosen.questions if any(contrast.columns for contrast in question.contrasts)
    }
    assert "head-tail-best" in compared and "few-shot-gain" not in compared
    reasons = {
        contrast.reason for question in chosen.questions for contrast in question.contrasts if not contrast.columns
    }
    assert "left out by --config artefacts" in reasons
    assert [name for name, corpus in spec.corpora.items() if not corpus.reason] == ["imdb", "sogou"]


def test_a_plan_is_read_where_there_is_one_of_the_whole_study(tmp_path, monkeypatch, miniature):
    monkeypatch.chdir(tmp_path)
    assert miniature.plan_files() == []
    (tmp_path / "results/miniature").mkdir(parents=True)
    (tmp_path / "results/miniature/plan.json").write_text("{}")
    assert miniature.plan_files() == ["results/miniature/plan.json"]
    assert reporting("miniature", artefacts="table2").plan_files() == []


def test_a_choice_with_the_table_of_forgetting_has_all_encoders():
    chosen = reporting("miniature", artefacts="forgetting")
    assert chosen.encoders == chosen.jobs.registry.encoders and chosen.runs == []


@pytest.mark.parametrize("study", ["miniature", "compact", "compact-cpu", "paper"])
def test_specs_are_json_and_do_not_change(study):
    first, second = reporting(study), reporting(study)
    for name in ("claim_spec", "report_spec"):
        spec = getattr(first, name)()
        text = json.dumps(plain(spec), allow_nan=False)
        assert text == json.dumps(plain(getattr(second, name)()), allow_nan=False)
        assert type(spec).model_validate(json.loads(text)) == spec


def test_a_dry_run_imports_neither_torch_nor_pandas():
    code = "import sys, bertfit.workflow.report_jobs; sys.exit(bool({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts").returncode == 0
