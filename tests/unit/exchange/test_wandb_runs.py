"""Offline runs of Weights & Biases, read back from their files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bertfit.core.errors import UserError
from bertfit.exchange import wandb_runs
from bertfit.exchange.study_records import SeedRun, StudyRecords
from bertfit.exchange.tracked_run import tracked
from helpers import finished_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return finished_study.make(tmp_path / "made")


@pytest.fixture
def runs(study: Path) -> list[SeedRun]:
    return StudyRecords(study).runs()


@pytest.fixture
def installed() -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")


def folders(out: Path) -> list[Path]:
    return sorted((out / "wandb").iterdir())


def values(items: Any) -> dict[str, Any]:
    """Key -> value of the items of a record, which are JSON."""
    return {item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}


def content(folder: Path) -> dict[str, Any]:
    """What the file of an offline run says: its run, history (step -> values), summary and exit code."""
    (path,) = folder.glob("run-*.wandb")
    found: dict[str, Any] = {"history": {}, "summary": {}}
    for record in finished_study.wandb_records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found["run"] = record.run
        elif kind == "history":
            step = record.history.step.num
            row = values(record.history.item)
            found["history"][step] = {name: value for name, value in row.items() if not name.startswith("_")}
        elif kind == "summary":
            found["summary"] |= values(record.summary.update)
        elif kind == "exit":
            found["exit"] = record.exit.exit_code
    return found


def test_every_value_is_read_back(runs: list[SeedRun], tmp_path: Path, installed: None) -> None:
    assert wandb_runs.export(runs, tmp_path, predictions=True) == len(runs)
    found = {each["run"].display_name: each for each in map(content, folders(tmp_path))}
    assert sorted(found) == [run.name for run in runs]
    for run in runs:
        ours, theirs = tracked(run), found[run.name]
        about = theirs["run"]
        assert (about.project, about.run_group, about.run_id) == ("made", ours.group, run.digest[:24])
        assert list(about.tags) == list(run.artefacts)
        config = values(about.config.update)
        assert {name: value for name, value in config.items() if name != "_wandb"} == ours.params | ours.tags
        assert theirs["history"] == dict(ours.history)
        assert ours.final.items() <= theirs["summary"].items()
        assert theirs["exit"] == 0
    for folder in folders(tmp_path):
        assert {path.name for path in (folder / "files").iterdir()} == {
            "run.json", "history.csv", "predictions.parquet",
        }  # fmt: skip
        assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_a_second_export_adds_nothing(runs: list[SeedRun], tmp_path: Path, installed: None) -> None:
    assert wandb_runs.export(runs[:2], tmp_path) == 2
    before = folders(tmp_path)
    assert wandb_runs.export(runs, tmp_path) == 3
    assert wandb_runs.export(runs, tmp_path) == 0
    assert len(folders(tmp_path)) == 5 and set(before) < set(folders(tmp_path))


def test_an_interrupted_export_leaves_no_half_run(
    runs: list[SeedRun], tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("interrupted")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(wandb_runs, "attach", fail)
        wandb_runs.export(runs, tmp_path)
    assert folders(tmp_path) == []
    assert wandb_runs.export(runs[:1], tmp_path) == 1


def test_an_error_of_the_package(
    runs: list[SeedRun], tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    def fail(*_: Any, **__: Any) -> None:
        raise wandb.Error("no service")

    monkeypatch.setattr(wandb, "init", fail)
    with pytest.raises(UserError, match="Weights & Biases says: no service"):
        wandb_runs.export(runs, tmp_path)
    assert folders(tmp_path) == []


def test_long_names_keep_their_ends() -> None:
    name = "imdb/" + "x" * 200 + "/seed12"
    assert len(wandb_runs.cut(name, "name")) == 128 and wandb_runs.cut(name, "name").endswith("x/seed12")
    assert wandb_runs.cut("imdb/mini/default/seed1", "name") == "imdb/mini/default/seed1"


def test_without_the_package(runs: list[SeedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="Weights & Biases is not installed .*: pip install 'wandb>=0.31'"):
        wandb_runs.export(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_runs_that_are_there_without_predictions(runs: list[SeedRun], tmp_path: Path, installed: None) -> None:
    assert wandb_runs.export(runs[:2], tmp_path) == 2
    before = folders(tmp_path)
    with pytest.raises(UserError, match="wandb: 2 of these runs are there without predictions; use another --out"):
        wandb_runs.export(runs, tmp_path, predictions=True)
    assert folders(tmp_path) == before
    assert wandb_runs.export(runs[2:], tmp_path, predictions=True) == 3
    assert wandb_runs.export(runs[2:], tmp_path, predictions=True) == 0
