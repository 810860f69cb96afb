"""Results as lm-evaluation-harness writes them: keys, values against the records, standard errors."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.evaluation.predictions import Evaluation
from bertfit.exchange import harness_results
from bertfit.exchange.study_records import SeedRun, StudyRecords
from helpers import finished_study, madeup

# lm_eval/result_schema.py of version 0.4.13: EvalResults without groups, samples and what tokenizer and git say.
KEYS = {
    "results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config", "date",
    "pretty_env_info", "transformers_version", "model_source", "model_name", "model_name_sanitized",
    "system_instruction", "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha",
    "task_hashes",
}  # fmt: skip
SAMPLE_KEYS = {
    "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash",
    "target_hash", "acc",
}  # fmt: skip
DATE = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return finished_study.make(tmp_path / "made")


@pytest.fixture
def runs(study: Path) -> list[SeedRun]:
    return StudyRecords(study).runs()


def exported(runs: Sequence[SeedRun], out: Path, **options: Any) -> dict[str, dict[str, Any]]:
    """Name of a run -> what was written of it."""
    assert harness_results.export(runs, out, **options) == len(runs)
    contents = [json.loads(path.read_text()) for path in sorted(out.glob("*/results_*.json"))]
    assert len(contents) == len(runs)
    return {content["model_name"].removeprefix("made/"): content for content in contents}


def test_values_are_those_of_the_records(study: Path, runs: list[SeedRun], tmp_path: Path) -> None:
    written, rows = exported(runs, tmp_path / "out"), finished_study.rows(study)
    for run in runs:
        corpus = run.run_group.corpus
        row = rows[corpus, run.run_group.encoder, run.run_group.recipe, run.seed, "last"]
        scores = written[run.name]["results"][corpus]
        assert scores["acc,none"] == 1 - row["error"] / 100 == pytest.approx(1 - row["errors"] / 10)
        assert scores["error_rate,none"] == row["error"] / 100
        assert (scores["macro_f1,none"], scores["mcc,none"]) == (row["macro_f1"], row["mcc"])
        assert (scores["alias"], scores["sample_len"]) == (corpus, 10)


def test_the_standard_error_is_that_of_the_harness(runs: list[SeedRun], tmp_path: Path) -> None:
    """Three wrong of ten: variance (3 * 0.7**2 + 7 * 0.3**2) / 9 = 0.7 / 3, over ten examples."""
    scores = exported(runs, tmp_path / "out")["trec/mini/default/seed1"]["results"]["trec"]
    assert scores["acc_stderr,none"] == pytest.approx(math.sqrt(0.7 / 3 / 10), rel=1e-12)
    assert scores["acc_stderr,none"] == pytest.approx(0.15275252316519466, rel=1e-12)
    assert scores["acc_stderr,none"] == pytest.approx(statistics.stdev([0.0] * 3 + [1.0] * 7) / math.sqrt(10))
    assert scores["error_rate_stderr,none"] == scores["acc_stderr,none"]


def test_other_standard_errors_are_of_resampled_examples() -> None:
    """Of 300 examples the bootstrap agrees with one that draws them one by one."""
    draw = np.random.default_rng(5)
    labels = draw.integers(0, 2, 300).astype(np.int32)
    predicted = np.where(draw.random(300) < 0.2, 1 - labels, labels)
    evaluation = Evaluation(1, 1, 1.0, labels, np.eye(2, dtype=np.float32)[predicted])
    error = 100 * float((predicted != labels).mean())
    found = harness_results.standard_errors({"n": 300, "error": error}, evaluation)
    resampled = []
    for _ in range(2000):
        rows = draw.integers(0, 300, 300)
        resampled.append(np.corrcoef(labels[rows], predicted[rows])[0, 1])  # Matthews correlation of two classes
    assert found["mcc"] == pytest.approx(np.std(resampled, ddof=1), rel=0.1)
    assert found["macro_f1"] == pytest.approx(found["acc"], rel=0.1)  # of two classes of similar size


def test_one_example_has_no_standard_error() -> None:
    evaluation = Evaluation(1, 1, 1.0, np.zeros(1, np.int32), np.zeros((1, 2), np.float32))
    found = harness_results.standard_errors({"n": 1, "error": 0.0}, evaluation)
    assert found == {"acc": "N/A", "error_rate": "N/A", "macro_f1": "N/A", "mcc": "N/A"}


def test_keys_are_those_of_the_harness(runs: list[SeedRun], tmp_path: Path) -> None:
    content = exported(runs[-1:], tmp_path / "out", date=DATE)["trec/tfidf/default/seed1"]
    assert content.keys() | {"transformers_version"} == KEYS  # the record names no transformers
    assert content["date"] == DATE.timestamp()
    assert content["n-shot"] == {"trec": 0} and content["group_subtasks"] == {"trec": []}
    assert content["n-samples"] == {"trec": {"original": 10, "effective": 10}}
    assert content["higher_is_better"] == {"trec": {"acc": True, "error_rate": False, "macro_f1": True, "mcc": True}}
    config = content["configs"]["trec"]
    assert (config["dataset_path"], config["metadata"]["revision"]) == ("CogComp/trec", finished_study.REVISION)
    assert [metric["metric"] for metric in config["metric_list"]] == ["acc", "error_rate", "macro_f1", "mcc"]
    assert content["config"]["model_args"] == {"pretrained": "tfidf", "recipe": "default", "seed": 1}
    assert content["config"]["random_seed"] == 1 and content["config"]["device"] == "X"
    assert content["pretty_env_info"] == "OS: S\nDevice: X (processes: 1)\ntorch: 2"


def test_names_of_files_are_found_by_the_harness(runs: list[SeedRun], tmp_path: Path) -> None:
    harness_results.export(runs[-1:], tmp_path / "dated", date=DATE, predictions=True)
    harness_results.export(runs[-1:], tmp_path / "plain")
    (folder,) = (tmp_path / "dated").iterdir()
    assert folder.name == "made__trec__tfidf__default__seed1"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["results_2026-05-01T12-00-00.json", "samples_trec_2026-05-01T12-00-00.jsonl"]
    (path,) = (tmp_path / "plain").glob("*/*")
    assert path.name == f"results_{runs[-1].digest[:16]}.json"
    assert harness_results.sanitized('a/b:c"<x>|?*[y]') == "a__b__c__x__y__"


def test_the_same_records_give_the_same_bytes(runs: list[SeedRun], tmp_path: Path) -> None:
    for out in ("a", "b"):
        harness_results.export(runs, tmp_path / out, predictions=True)
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) == 2 * len(runs)
    assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in files)


def test_samples_are_the_predictions(runs: list[SeedRun], tmp_path: Path) -> None:
    content = exported(runs[2:3], tmp_path / "out", predictions=True)["trec/mini/default/seed1"]
    (path,) = (tmp_path / "out").glob("*/samples_trec_*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(line.keys() == SAMPLE_KEYS for line in lines)
    assert [line["doc_id"] for line in lines if not line["acc"]] == [0, 4, 5]
    assert [line["target"] for line in lines] == ["neg"] * 4 + ["pos"] * 6
    assert statistics.mean(line["acc"] for line in lines) == content["results"]["trec"]["acc,none"]
    right = lines[1]["filtered_resps"]  # logits 1 and 0
    assert [float(value) for value, _ in right] == pytest.approx([-math.log(1 + math.exp(-1)), -math.log(1 + math.e)])
    assert [best for _, best in right] == ["True", "False"] and lines[1]["resps"] == [[answer] for answer in right]
    assert len(content["task_hashes"]["trec"]) == 64


def test_a_sample_of_the_test_rows_is_a_limit(study: Path, tmp_path: Path) -> None:
    finished_study.change_card(study, "trec", sampled={"test": {"kept": 10, "of": 500}})
    runs = StudyRecords(study).runs(corpora=["trec"])
    content = exported(runs, tmp_path / "out")["trec/mini/default/seed2"]
    assert content["n-samples"] == {"trec": {"original": 500, "effective": 10}} and content["config"]["limit"] == 10


def test_the_best_evaluation_can_be_chosen(study: Path, tmp_path: Path) -> None:
    block = study / "runs/trec/mini/default/seeds1-2"
    table = pq.read_table(block / "predictions.parquet")
    for row in (rows := table.to_pylist()):
        if (row["seed"], row["step"]) == (1, 2):
            row["logits"] = [1.0 - row["label"], float(row["label"])]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), block / "predictions.parquet")
    history = (block / "history.csv").read_text().replace("1,2,1.0,0.0001,0.5,25.0,30.0", "1,2,1.0,0.0001,0.5,25.0,0.0")
    (block / "history.csv").write_text(history)
    madeup.score(study)
    runs = StudyRecords(study).runs(corpora=["trec"])
    accuracy = {
        which: exported(runs, tmp_path / which, selection=which)["trec/mini/default/seed1"]["results"]["trec"][
            "acc,none"
        ]
        for which in ("last", "best")
    }
    assert accuracy == {"last": 0.7, "best": 1.0}


def test_several_labels_a_text(study: Path, tmp_path: Path) -> None:
    """A target is all its classes; its prediction is right if the set is. Only shares have a standard error."""
    block = study / "runs/trec/tfidf/default/seeds1-1"
    sets = [[], [0], [0, 1]]
    table = pq.read_table(block / "predictions.parquet")
    labels = [2, 1, 0, *[1] * 7]
    logits = [[1.0, 2.0], [1.0, -1.0], [0.5, -1.0], *[[1.0, -1.0]] * 7]  # the third should have none
    for name, column in {
        "label": pa.array(labels * 2, pa.int32()), "logits": pa.array(logits * 2, pa.list_(pa.float32())),
    }.items():  # fmt: skip
        table = table.set_column(table.schema.get_field_index(name), name, column)
    pq.write_table(table.replace_schema_metadata(label_sets.metadata(sets)), block / "predictions.parquet")
    history = (block / "history.csv").read_text().replace("50.0,\n", "10.0,\n")
    (block / "history.csv").write_text(history)
    madeup.score(study)
    runs = [run for run in StudyRecords(study).runs() if run.run_group.encoder == "tfidf"]
    scores = exported(runs, tmp_path / "out", predictions=True)["trec/tfidf/default/seed1"]["results"]["trec"]
    assert scores["acc,none"] == pytest.approx(0.9) and scores["acc_stderr,none"] == pytest.approx(0.1)
    assert scores["macro_f1_stderr,none"] == "N/A"
    (path,) = (tmp_path / "out").glob("*/samples_*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["target"] for line in lines][:3] == ["neg;pos", "neg", ""]
    assert [line["acc"] for line in lines] == [1.0, 1.0, 0.0, *[1.0] * 7]
    values = [float(value) for value, _ in lines[0]["filtered_resps"]]
    assert values == pytest.approx([-math.log(1 + math.exp(-1)), -math.log(1 + math.exp(-2))])


def test_files_of_another_selection_or_with_other_samples_stay(study: Path, tmp_path: Path) -> None:
    runs = StudyRecords(study).runs(corpora=["trec"])
    for options in ({}, {"date": DATE}):
        harness_results.export(runs, tmp_path, predictions=True, **options)
        before = {path: path.read_bytes() for path in tmp_path.glob("made__trec__*/*")}
        assert harness_results.export(runs, tmp_path, predictions=True, **options) == 3
        for other in ({"selection": "best"}, {"selection": "best", "predictions": True}):
            with pytest.raises(UserError, match="is there with other content .*another selection.*; use another --out"):
                harness_results.export(runs, tmp_path, **options, **other)
        assert {path: path.read_bytes() for path in tmp_path.glob("made__trec__*/*")} == before
