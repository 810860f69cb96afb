"""Evaluation results of the hub: files that huggingface_hub reads, of runs on all test rows of a data set there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import EvalResultEntry, parse_eval_result_entries

from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.exchange import hub_results
from bertfit.exchange.hub_results import Benchmark, parse_benchmark
from bertfit.exchange.study_records import SeedRun, StudyRecords
from helpers import finished_study

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return finished_study.make(tmp_path / "made")


def runs(study: Path, **card: Any) -> list[SeedRun]:
    """The runs on trec, whose card has these entries."""
    finished_study.change_card(study, "trec", **card)
    return StudyRecords(study).runs(corpora=["trec"])


def read(path: Path) -> list[EvalResultEntry]:
    return parse_eval_result_entries(yaml.safe_load(path.read_text()))


def test_each_run_has_an_entry_that_huggingface_hub_reads(study: Path, tmp_path: Path) -> None:
    count, reasons = hub_results.export(StudyRecords(study).runs(), tmp_path / "out")
    assert (count, reasons) == (3, {"imdb": "its rows are generated"})
    paths = sorted((tmp_path / "out").rglob("*.yaml"))
    assert [path.relative_to(tmp_path / "out").as_posix() for path in paths] == [
        "trec/mini/default/seed1/.eval_results/trec.yaml",
        "trec/mini/default/seed2/.eval_results/trec.yaml",
        "trec/tfidf/default/seed1/.eval_results/trec.yaml",
    ]
    entries = [read(path) for path in paths]
    rows = finished_study.rows(study)
    errors = [rows["trec", *names, "last"]["error"] for names in (("mini", "default", 1), ("mini", "default", 2))]
    assert [entry.value for (entry,) in entries] == [100 - errors[0], 100 - errors[1], 50.0] == [70.0, 90.0, 50.0]
    ((first,), *_) = entries
    assert (first.dataset_id, first.task_id, first.dataset_revision) == (
        "CogComp/trec", "default", finished_study.REVISION,
    )  # fmt: skip
    assert first.notes == (
        "fine-tuned; accuracy in percent of 10 test rows; encoder mini; recipe default; seed 1; last evaluation, "
        "step 4; bertfit code c"
    )
    assert (first.date, first.source_url, first.verify_token) == (None, None, None)


def test_a_file_has_the_keys_of_the_documentation(study: Path) -> None:
    run = runs(study, source=hub_source(config="fine"))[0]
    one = hub_results.benchmark(run.card)
    assert isinstance(one, Benchmark)
    date = datetime(2026, 5, 1, tzinfo=UTC)
    (written,) = yaml.safe_load(hub_results.text([hub_results.entry(run, one, "last", date, "https://x.org/a.zip")]))
    notes = written.pop("notes")
    assert written == {
        "dataset": {"id": "CogComp/trec", "task_id": "fine", "revision": finished_study.REVISION},
        "value": 70.0,
        "date": "2026-05-01T00:00:00+00:00",
        "source": {"url": "https://x.org/a.zip", "name": "Records of the study"},
    }
    assert "\n" not in notes


def hub_source(**more: str) -> dict[str, str]:
    return {"kind": "hub", "dataset": "CogComp/trec", "revision": finished_study.REVISION, **more}


def test_only_all_test_rows_of_a_published_split_count(study: Path) -> None:
    files = {"train": {"path": "a.csv", "sha256": "0"}}
    given = Benchmark("CogComp/trec", "default", None)
    local = {"kind": "local", "files": files}
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"sampled": {"test": {"kept": 100, "of": 500}}}, "100 of 500 test rows"),
        ({"sampled": {"test": {"kept": 500, "of": 500}, "train": {"kept": 1, "of": 2}}}, None),
        ({"sampled": None, "source": local}, None),
        ({"source": local | {"held_out": 0.1}}, "held out of training rows"),
        ({"source": {"kind": "part_of", "corpus": "x", "held_out": 0.1}}, "held out of training rows"),
        ({"source": local, "by_time": {"column": "day", "first": "2020"}}, "held out of training rows"),
        ({"source": {"kind": "synthetic", "corpus": "trec", "seed": 1}, "by_time": None}, "generated"),
    ]
    for card, why in cases:
        found = hub_results.benchmark(runs(study, **card)[0].card, given)
        assert found == given if why is None else isinstance(found, str) and why in found
    without = hub_results.benchmark(runs(study, source=local)[0].card)
    assert without == "its rows are not from the hub: local"


def test_a_benchmark_says_where_local_rows_are_from(study: Path, tmp_path: Path) -> None:
    files = {"test": {"path": "test.csv", "sha256": "0"}}
    on_trec = runs(study, source={"kind": "local", "files": files})
    with pytest.raises(
        UserError, match=r"no run has an entry for the hub: trec \(its rows are not from the hub: local\)"
    ):
        hub_results.export(on_trec, tmp_path)
    given = dict([parse_benchmark(f"trec=CogComp/trec:coarse@{COMMIT}")])
    assert hub_results.export(on_trec, tmp_path, benchmarks=given) == (3, {})
    (entry,) = read(tmp_path / "trec/mini/default/seed1/.eval_results/trec.yaml")
    assert (entry.dataset_id, entry.task_id, entry.dataset_revision) == ("CogComp/trec", "coarse", COMMIT)
    with pytest.raises(UserError, match="--benchmark tre=...: no run of this corpus; did you mean 'trec'"):
        hub_results.export(on_trec, tmp_path, benchmarks={"tre": given["trec"]})


def test_forms_of_a_benchmark() -> None:
    assert parse_benchmark("imdb=stanfordnlp/imdb") == ("imdb", Benchmark("stanfordnlp/imdb", "default", None))
    assert parse_benchmark("imdb=imdb:plain_text") == ("imdb", Benchmark("imdb", "plain_text", None))
    for wrong in ("imdb", "=a/b", "imdb=a/b/c", "imdb=a/b@main", "imdb=a b", "imdb="):
        with pytest.raises(UserError, match="give CORPUS=OWNER/NAME"):
            parse_benchmark(wrong)


def test_notes_say_how_the_best_evaluation_was_chosen(study: Path) -> None:
    one = Benchmark("CogComp/trec", "default", None)
    first = runs(study)[0]
    notes = hub_results.entry(first, one, "best").notes
    assert notes and "best evaluation, chosen by the test error itself, step 2" in notes
    history = first.block / "history.csv"
    history.write_text(history.read_text().replace("30.0,\n", "30.0,20.0\n"))
    notes = hub_results.entry(runs(study)[0], one, "best").notes
    assert notes and "best evaluation by validation error, step 2" in notes


def test_notes_name_a_training_that_diverged(study: Path) -> None:
    path = study / "runs/trec/mini/default/seeds1-2/run.json"
    path.write_text(json.dumps(read_json(path) | {"diverged_at": {"1": 3, "2": None}}))
    notes = [
        hub_results.entry(run, Benchmark("CogComp/trec", "default", None), "last").notes or "" for run in runs(study)
    ]
    assert [text.endswith("; training diverged") for text in notes] == [True, False, False]


def test_an_entry_of_another_selection_stays(study: Path, tmp_path: Path) -> None:
    on_trec = runs(study)
    assert hub_results.export(on_trec, tmp_path) == hub_results.export(on_trec, tmp_path) == (3, {})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.yaml") if ".eval_results" in path.parts}
    with pytest.raises(UserError, match="is there with other content"):
        hub_results.export(on_trec, tmp_path, selection="best")
    assert len(before) == 3 and all(path.read_bytes() == content for path, content in before.items())


def test_a_benchmark_is_suggested_only_where_it_helps(study: Path, tmp_path: Path) -> None:
    on_trec = runs(study, sampled={"test": {"kept": 30, "of": 600}})
    for given in ({}, {"trec": Benchmark("CogComp/trec", "default", None)}):
        with pytest.raises(UserError) as caught:
            hub_results.export(on_trec, tmp_path, benchmarks=given)
        assert str(caught.value) == ("no run has an entry for the hub: trec (30 of 600 test rows); use another --to")
    files = {"test": {"path": "test.csv", "sha256": "0"}}
    local = runs(study, sampled=None, source={"kind": "local", "files": files})
    with pytest.raises(UserError, match="--benchmark CORPUS=OWNER/NAME says which data set has the same test rows"):
        hub_results.export(local, tmp_path)
