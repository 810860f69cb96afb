"""What the verdicts read: a file of each run that a claim compares, and expectations of synthetic corpora."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.claims.claim_schema import Contrast, Runs
from bertfit.claims.expected import EXPECTED
from bertfit.experiments.cells import RunGroup
from bertfit.workflow.claim_jobs import _selected, address, behind
from bertfit.workflow.report_jobs import ReportJobs
from helpers.report_jobs import reporting

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def miniature() -> ReportJobs:
    return reporting("miniature")


def test_every_file_of_a_claim_belongs_to_its_run(miniature):
    spec, paths = miniature.claim_spec(), miniature.claim_files()
    assert len(spec.runs) == len(paths) == len(set(paths)) > 50
    for run, path in zip(spec.runs, paths, strict=True):
        middle = f"{run.corpus}/{run.encoder}/{run.recipe}"
        assert path.startswith(f"results/miniature/runs/{middle}/seeds") and path.endswith("/predictions.parquet")
    asked = {(term.corpus, term.encoder, term.recipe) for question in miniature.questions for term in question.runs}
    assert {(run.corpus, run.encoder, run.recipe) for run in spec.runs} == asked
    assert spec.questions == miniature.questions


def test_what_is_expected_is_known_of_a_generated_world_only(miniature):
    assert miniature.expected == {claim: mark for claim, (mark, _) in EXPECTED.items()}
    assert set(miniature.expected) == {question.id for question in miniature.questions if not question.encoder}
    assert set(miniature.report_spec().expected) == set(EXPECTED)
    paper = reporting("paper")
    assert paper.expected is None and paper.report_spec().expected == {} and paper.claim_spec().expected is None


def test_runs_behind_a_comparison_by_hand():
    def term(recipe):
        return Runs(weight=1, corpus="imdb", encoder="mini", recipe=recipe, seeds=[1])

    contrast = Contrast(kind="better", a="x", b="y", margin=2, columns=[[term("p"), term("q")], [term("p"), term("r")]])
    assert behind(contrast) == ["imdb/mini/p", "imdb/mini/q", "imdb/mini/r"]
    assert address(RunGroup("imdb", "mini", "p")) == "imdb/mini/p"
    assert _selected(contrast, {"imdb/mini/p", "imdb/mini/q", "imdb/mini/r"}) == contrast
    emptied = _selected(contrast, {"imdb/mini/p", "imdb/mini/q"})
    assert (emptied.columns, emptied.reason, emptied.a) == ([], "left out by --config artefacts", "x")


def test_encoders_come_with_their_ancestors(miniature):
    claims = reporting("miniature", artefacts="table7")
    assert set(claims.encoders) <= set(miniature.encoders)
    assert {"mini", "mini~all@200.s1", "mini~all@200.s1~mt-four.s1"} <= set(claims.encoders)
    assert claims.corpora == [name for name in miniature.corpora if name in claims.corpora]
