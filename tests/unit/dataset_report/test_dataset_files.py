"""The inputs: their names in the rule, and clear errors for damaged ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertfit.core.errors import UserError
from bertfit.dataset_report import dataset_files
from bertfit.dataset_report.dataset_files import MISTAKES, DatasetFiles
from bertfit.runtime.rule_job import JobFiles
from helpers import dataset_results


def test_inputs_of_the_rule_by_name() -> None:
    names = {"choice": "a", "outcome": "b", "card": "c", "predictions": ["d", "e"], "mistakes": "f", "train": []}
    found = DatasetFiles.of(JobFiles.of(names))
    assert [path.name for path in found.predictions] == ["d", "e"]
    assert found.mistakes and found.mistakes.name == "f" and found.train is None and found.curve is None


def test_runner_up_of_each_kind(tmp_path) -> None:
    facts = dataset_files.read(dataset_results.make(tmp_path)[1])
    assert not facts.counted_words
    assert facts.runner_up(counts=True).candidate == "words" and facts.runner_up(counts=False).candidate == "layers"


def test_tables_give_their_first_rows_as_texts(tmp_path) -> None:
    path = tmp_path / "mistakes.csv"
    body = "".join(f'{row},"a, ""b""",NA,1,0.50\n' for row in range(30))
    path.write_text("example,text,label,answer,probability\n" + body, encoding="utf-8")
    found = dataset_files.rows(path, MISTAKES)
    assert len(found) == 10
    assert found[0] == {"text": 'a, "b"', "label": "NA", "answer": "1", "probability": "0.50"}
    assert dataset_files.rows(None, MISTAKES) == []


@pytest.mark.parametrize("content", ["", "example,text\n1,a\n"])
def test_damaged_tables_are_clear_errors(tmp_path, content) -> None:
    path = tmp_path / "mistakes.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="mistakes.csv: not a table with text, label"):
        dataset_files.rows(path, MISTAKES)


@pytest.mark.parametrize("name", ["coverage", "choice", "outcome", "card"])
def test_damaged_records_are_clear_errors(tmp_path, name) -> None:
    _, files = dataset_results.make(tmp_path)
    path = dataset_results.write(tmp_path / "damaged.json", {"sentences": 1})
    with pytest.raises(UserError, match=r"damaged\.json: not .*; delete .* run again"):
        dataset_files.read(replace(files, **{name: path}))
