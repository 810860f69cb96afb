"""What the page shows of runs and encoders: scores, curves, texts, and runs that diverged."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from bertfit.config.hyperparameters import Finetune, Multitask
from bertfit.report import report_page, run_explorer
from helpers.measured_jobs import measure
from helpers.page_reader import data
from helpers.reportdata import EVIL, make, write


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    spec = make(root)
    return root, spec, report_page.page(spec, root)


def test_what_a_run_says(made):
    _, _, text = made
    run = data(text)["runs"]["imdb/mini/default"]
    assert (run["mean"], run["best"], run["n"], run["wrong"]) == (62.5, 62.5, 4, 2)
    assert run["std"] == pytest.approx(17.67767, abs=1e-5)
    assert run["seeds"] == [[1, 2, 75, 0.25, -0.125, 1, 75], [2, 2, 50, 0.25, -0.125, 1, 50]]
    assert (run["low"], run["high"]) == (40.5, 80.5)
    assert run["mistakes"] == [[0, 0, 1, 0.8, 2], [1, 1, 0, 0.7, 2]]
    assert run["curves"]["2"] == {"step": [1, 2], "loss": [0.9, 0.45], "train_error": [60, 30], "test_error": [50, 50]}
    assert run["differs"] == {} and data(text)["runs"]["yelp/mini/truncation=tail"]["differs"] == {"truncation": "tail"}
    job = run["jobs"][0]
    assert job["inputs"] == {"train": "ab" * 8} and (job["machine"], job["versions"]) == (0, 0)
    assert job["time"] == "1.5 s, 1 CPU thread" and job["memory"] == "2.0 MB (process)"
    assert job["word_pieces"] == "300, 200 per second"
    assert data(text)["machines"] == [{"system": "Linux", "device": "A processor", "processes": 1}]
    assert 'data-sort="62.5">62.50 ± 17.68</td>' in text


def test_texts_are_shown_only_where_the_card_allows_it(made):
    root, spec, text = made
    assert data(text)["texts"] == {"imdb": {"0": EVIL, "1": "x" * 299 + "…"}}
    assert "secret of" not in text
    found = run_explorer.runs(spec, root)
    assert run_explorer.shown_texts(spec.model_copy(update={"texts": []}), root, found) == {}


def test_encoders(made):
    _, _, text = made
    encoders = data(text)["encoders"]
    assert encoders["mini"]["curves"] == {
        "pre-training": {"step": [0, 10], "loss": [None, 4], "held_out_mlm_loss": [3, 2.5]}
    }
    assert encoders["mini~mt-four.s1"]["curves"]["yelp"]["train_error"] == [60]
    group = Multitask(corpora=["imdb", "yelp"]).model_dump(exclude={"recipe"}) | Finetune(lr=1e-5).model_dump()
    values = {key: value for key, value in group.items() if value is not None}
    assert encoders["mini~mt-four.s1"]["values"] == values and values["lr"] == 1e-5
    assert encoders["fetched"]["values"] == {"hub": "a/b", "revision": "0" * 40} and encoders["fetched"]["curves"] == {}


def test_long_curves_are_thinned_and_keep_their_ends(tmp_path):
    log = pd.DataFrame({"step": range(1, 1001), "loss": [1 / step for step in range(1, 1001)]})
    columns = run_explorer._columns(log, ("step", "loss", "test_error"))
    assert set(columns) == {"step", "loss"} and len(columns["step"]) == run_explorer.POINTS
    assert (columns["step"][0], columns["step"][-1], columns["loss"][-1]) == (1, 1000, 0.001)


def test_a_run_that_diverged_is_shown(made, tmp_path):
    root, spec, _ = made
    shutil.copytree(root, tmp_path / "copy")
    history = tmp_path / "copy/runs/imdb/mini/default/seeds1-2/history.csv"
    history.write_text(history.read_text().replace("1,1,1,1e-05,0.9,", "1,1,1,1e-05,inf,"))
    record = history.with_name("run.json")
    write(record, json.loads(record.read_text()) | {"diverged_at": {"1": 2, "2": None}})
    encoder = tmp_path / "copy/encoders/mini/run.json"
    write(encoder, json.loads(encoder.read_text()) | {"held_out_mlm_loss": {"before": 3.0, "after": float("inf")}})
    shown = data(report_page.page(spec, tmp_path / "copy"))
    assert shown["runs"]["imdb/mini/default"]["curves"]["1"]["loss"] == [None, 0.45]
    assert shown["runs"]["imdb/mini/default"]["diverged"] == {"1": 2}
    assert shown["runs"]["yelp/mini/truncation=tail"]["diverged"] == {}
    assert shown["encoders"]["mini"]["held_out"] == {"before": 3.0, "after": None}
    assert [run_explorer.short(value) for value in (float("-inf"), float("nan"), 2.0, 1 / 3)] == [
        None,
        None,
        2,
        0.3333,
    ]


def test_a_run_starts_from_one_encoder_or_from_one_for_each_seed(made):
    root, spec, _ = made
    starts = {address: run.starts for address, run in run_explorer.runs(spec, root).items()}
    assert starts == {
        "imdb/mini/default": ["mini"],
        "imdb/mini~imdb@10.s1/default": ["mini~imdb@10.s1"],
        "yelp/mini/truncation=tail": ["mini"],
        "imdb/tfidf/default": [],  # word counts have no encoder
    }


def test_the_encoders_of_each_seed_are_on_the_page(tmp_path):
    spec = make(tmp_path)
    before, each = "mini~imdb@10.s1", "mini~imdb@10.each"
    (tmp_path / "runs/imdb" / before).rename(tmp_path / "runs/imdb" / each)
    pd.read_parquet(tmp_path / "results.parquet").replace(before, each).to_parquet(tmp_path / "results.parquet")
    text = spec.model_copy(update={"encoders": []}).model_dump_json().replace(before, each)
    varied = type(spec).model_validate_json(text).model_copy(update={"encoders": spec.encoders})
    shown = data(report_page.page(varied, tmp_path))["runs"][f"imdb/{each}/default"]
    assert (shown["encoder"], shown["starts"]) == (each, ["mini~imdb@10.s1", "mini~imdb@10.s2"])
    assert [row[0] for row in shown["seeds"]] == [1, 2]


def test_energy_of_a_run_group_is_that_of_all_its_jobs(tmp_path):
    spec = make(tmp_path)
    measure(tmp_path / "runs/imdb/mini/default/seeds1-2", 0.5)
    found = run_explorer.runs(spec, tmp_path)
    assert found["imdb/mini/default"].kwh == 0.5 and found["imdb/tfidf/default"].kwh is None


def test_jobs_of_a_joined_block_are_shown_each(made, tmp_path):
    """With who made it, on which machine; a study that was not merged says nothing of contributors."""
    root, spec, text = made
    assert "contributor" not in data(text)["runs"]["imdb/mini/default"]["jobs"][0]
    shutil.copytree(root, tmp_path / "made")
    path = next((tmp_path / "made/runs/imdb/mini/default").glob("*/run.json"))
    record = json.loads(path.read_text())
    other = record | {"contributor": "B", "machine": record["machine"] | {"device": "Another"}}
    parts = [{"seeds": [1], "record": record | {"contributor": "A"}}, {"seeds": [2], "record": other}]
    path.write_text(json.dumps(record | {"joined": parts}))
    found = data(report_page.page(spec, tmp_path / "made"))
    jobs = found["runs"]["imdb/mini/default"]["jobs"]
    assert [(job["contributor"], found["machines"][job["machine"]]["device"]) for job in jobs] == [
        ("A", "A processor"),
        ("B", "Another"),
    ]
    assert len({job["path"] for job in jobs}) == 1
