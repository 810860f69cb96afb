"""Your own dataset from file to exported model: the search is run once, and nothing runs again for nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from conftest import Workflow
from helpers import tiny
from helpers.dry_runs import jobs

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def classified(make_workflow) -> tuple[Workflow, tuple[str, ...], Path]:
    """A finished `snakemake classify` with a tiny encoder and a learning curve, and its switches."""
    workflow = make_workflow("classified")
    folder = workflow.folder / "mine"
    tiny.encoder(folder / "encoder", tiny.vocabulary(folder / "words"))
    lines, labels = tiny.texts(160, 1)
    texts = [f"{line or 'w1 w2'} w{number % tiny.WORDS}" for number, line in enumerate(lines)]
    frame = pd.DataFrame({"text": texts, "label": [NAMES[label] for label in labels]})
    frame.to_csv(folder / "mine.csv", index=False)
    given = {"data": folder / "mine.csv", "text": "text", "label": "label", "encoder": folder / "encoder"}
    more = {"budget": "2m", "learning_curve": "yes", "seeds": 2, "gpus": 0}
    switches = ("classify", "--config", "study=example", *(f"{key}={value}" for key, value in (given | more).items()))
    workflow.run(*switches)
    return workflow, switches, workflow.folder / "results" / "example.mine"


def test_the_best_on_validation_data_is_exported_and_measured_once(classified) -> None:
    _, _, results = classified
    choice, outcome = (json.loads((results / "search" / f"{name}.json").read_text()) for name in ("choice", "outcome"))
    longest = {run["candidate"]: run for run in choice["measured"]}
    assert choice["winner"]["error"] == min(run["error"] for run in longest.values())
    assert {"words", "characters", "plain"} <= longest.keys() and "balanced" in choice["left_out"]
    runs = {path.parts[-5:-3] for path in results.glob("runs/texts/*/*/*/run.json")}
    assert len(runs) == 1, "of all candidates, the winner alone has seen the test split"
    answers = pd.read_csv(results / "predictions.csv")
    first = json.loads((results / "corpora/texts/card.json").read_text())["splits"]["test"]["rows"]
    assert len(answers) == first == outcome["texts"]
    wrong = (answers["answer"] != answers["label"]).mean()
    assert abs(wrong - outcome["error"]["value"]) < 0.2, "of the first of the seeds"


def test_what_a_user_gets(classified) -> None:
    _, _, results = classified
    assert {"report.html", "summary.json", "mistakes.csv", "label_errors.csv", "learning_curve.json"} <= {
        path.name for path in results.iterdir()
    }
    page, card = (results / "report.html").read_text(), (results / "model" / "README.md").read_text()
    assert "How many more labels" in page and "## What was tried" in card
    assert (results / "model" / "word_counts.json").is_file() or (results / "model" / "onnx/model.onnx").is_file()
    curve = json.loads((results / "learning_curve.json").read_text())
    assert len(curve["points"]) == 4


def test_a_second_run_has_nothing_to_do_and_another_budget_plans_anew(classified) -> None:
    workflow, switches, _ = classified
    assert jobs(workflow.run("-n", *switches)) == {}
    other = jobs(workflow.run("-n", *(value.replace("budget=2m", "budget=3m") for value in switches)))
    assert "plan_round" in other and "build_corpus" not in other
