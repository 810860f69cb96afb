"""A rate at which training diverges: a failed run of a figure and its scores, but no model of your own."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from conftest import ROOT, Workflow

STUDY = ("--config", "study=tiny")
RESULTS = "results/tiny"


@pytest.fixture(scope="module")
def diverged(make_workflow) -> Workflow:
    """Figure 2 of the tiny study with a rate of 1e30."""
    workflow = make_workflow("diverged")
    shutil.copy(ROOT / "tests/studies/tiny.yaml", workflow.folder / "studies/tiny.yaml")
    workflow.edit("studies/tiny.yaml", "20x: null", "20x: {recipe: {lr: 1.0e+30}}")
    workflow.edit("studies/tiny.yaml", "{save_model: true}", "{save_model: true, lr: 1.0e+30}")
    workflow.run(f"{RESULTS}/figures/figure2.csv", f"{RESULTS}/scores/figure2.parquet", *STUDY)
    return workflow


def test_the_figure_and_its_scores_have_the_constant_guess(diverged: Workflow) -> None:
    results = diverged.folder / RESULTS
    (folder,) = (results / "runs/imdb/mini").glob("*lr=1e+30*/seeds1-2")
    at = json.loads((folder / "run.json").read_text())["diverged_at"]
    assert at.keys() == {"1", "2"} and all(at.values())
    labels = pd.read_parquet(results / "corpora/imdb/test.parquet")["label"]
    guess = pd.read_parquet(results / "corpora/imdb/train.parquet")["label"].value_counts().sort_index().idxmax()
    error = 100 * float((labels != guess).mean())
    scores = pd.read_parquet(results / "scores/figure2.parquet")
    failed = scores[(scores["recipe"] == folder.parent.name) & (scores["selection"] == "last")]
    assert failed["error"].tolist() == pytest.approx([error] * 2) and failed["failed"].tolist() == [2, 2]
    figure = pd.read_csv(results / "figures/figure2.csv").query("panel == 'test' and diverged == 2")
    assert len(figure) and figure["mean"].tolist() == pytest.approx([error] * len(figure), abs=1e-4)


def test_a_model_that_is_kept_stops_the_study_with_the_cure(diverged: Workflow) -> None:
    printed = diverged.run(f"{RESULTS}/tables/kept.csv", *STUDY, ok=False)
    assert "training diverged: lower `lr` or raise `warmup`" in printed
