"""Runs in MLflow, read back with its own interface."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pyarrow.parquet as pq
import pytest

from bertfit.core.errors import UserError
from bertfit.exchange import mlflow_runs
from bertfit.exchange.study_records import SeedRun, StudyRecords
from bertfit.exchange.tracked_run import tracked
from helpers import finished_study

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def runs(tmp_path: Path) -> list[SeedRun]:
    return StudyRecords(finished_study.make(tmp_path / "made")).runs()


def client(folder: Path) -> MlflowClient:
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs: its tables take seconds to make."""
    pytest.importorskip("alembic", reason="alembic is not installed")
    folder = tmp_path_factory.mktemp("empty")
    client(folder).search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def store(empty: Path, tmp_path: Path) -> MlflowClient:
    """The store that is exported to, in the folder of the test."""
    shutil.copy(empty, tmp_path)
    return client(tmp_path)


def logged(store: MlflowClient) -> list:
    experiment = store.get_experiment_by_name("made")
    assert experiment is not None
    return sorted(store.search_runs([experiment.experiment_id]), key=lambda run: run.info.run_name)


def test_every_value_is_read_back(runs: list[SeedRun], tmp_path: Path, store: MlflowClient) -> None:
    assert mlflow_runs.export(runs, tmp_path, predictions=True) == len(runs)
    found = logged(store)
    assert [run.info.run_name for run in found] == [run.name for run in runs]
    for theirs, ours in zip(found, map(tracked, runs), strict=True):
        assert theirs.info.status == "FINISHED"
        assert theirs.info.end_time - theirs.info.start_time == 1000 * ours.final["cost/seconds"]
        assert theirs.data.params == {
            name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in ours.params.items()
        }
        assert ours.tags.items() <= theirs.data.tags.items()
        for name in ("loss", "lr", "epoch", "train_error", "test_error"):
            history = [(point.step, point.value) for point in store.get_metric_history(theirs.info.run_id, name)]
            assert history == [(step, values[name]) for step, values in ours.history]
        assert ours.final.items() <= theirs.data.metrics.items()
        files = [file.path for file in store.list_artifacts(theirs.info.run_id)]
        assert files == ["history.csv", "predictions.parquet", "run.json"]


def test_a_second_export_adds_nothing_and_a_changed_run_is_another(
    runs: list[SeedRun], tmp_path: Path, store: MlflowClient
) -> None:
    assert mlflow_runs.export(runs[:2], tmp_path) == 2
    assert mlflow_runs.export(runs, tmp_path) == 3
    assert mlflow_runs.export(runs, tmp_path) == 0
    path = runs[0].block / "run.json"
    path.write_text(path.read_text().replace('"code": "c"', '"code": "d"'))
    again = StudyRecords(tmp_path / "made").runs(corpora=["imdb"])
    assert mlflow_runs.export(again, tmp_path) == 2
    assert [run.data.tags["bertfit.code"] for run in logged(store)[:4]].count("d") == 2


def test_an_interrupted_export_is_made_again(
    runs: list[SeedRun], tmp_path: Path, store: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("interrupted")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(mlflow_runs, "attach", fail)
        mlflow_runs.export(runs[:1], tmp_path)
    assert [run.info.status for run in logged(store)] == ["RUNNING"]
    assert mlflow_runs.export(runs[:1], tmp_path) == 1
    (run,) = logged(store)
    assert run.info.status == "FINISHED" and run.data.metrics["last/error"] == 0.0


def test_another_store(runs: list[SeedRun], tmp_path: Path, store: MlflowClient) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    store.create_experiment("made", (tmp_path / "theirs").as_uri())
    assert mlflow_runs.export(runs[:1], tmp_path / "unused", uri=uri) == 1
    (run,) = logged(store)
    assert run.info.artifact_uri.startswith((tmp_path / "theirs").as_uri()) and not (tmp_path / "unused").exists()


def test_a_store_that_is_refused(runs: list[SeedRun], tmp_path: Path, store: MlflowClient) -> None:
    with pytest.raises(UserError, match="nonsense://x: MLflow says: .*give another folder or --uri"):
        mlflow_runs.export(runs, tmp_path, uri="nonsense://x")


@pytest.mark.parametrize("package", ["mlflow", "alembic"])
def test_without_the_package(
    package: str, runs: list[SeedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match="MLflow is not installed .*: pip install 'mlflow-skinny>=3.17' alembic"):
        mlflow_runs.export(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_predictions_are_added_to_runs_that_are_there(runs: list[SeedRun], tmp_path: Path, store: MlflowClient) -> None:
    assert mlflow_runs.export(runs[:2], tmp_path) == 2
    for _ in range(2):
        assert mlflow_runs.export(runs[:2], tmp_path, predictions=True) == 0
        for theirs, ours in zip(logged(store), runs[:2], strict=True):
            files = [file.path for file in store.list_artifacts(theirs.info.run_id)]
            assert files == ["history.csv", "predictions.parquet", "run.json"]
            path = Path(url2pathname(urlparse(theirs.info.artifact_uri).path), "predictions.parquet")
            assert pq.read_table(path).equals(ours.predictions())


def test_a_folder_that_no_address_of_a_database_can_have(
    runs: list[SeedRun], tmp_path: Path, store: MlflowClient
) -> None:
    with pytest.raises(UserError, match=r"a\?b: the address of a database cannot have \? in it; use another --out"):
        mlflow_runs.export(runs, tmp_path / "a?b")
    assert not list(tmp_path.glob("a*"))
    folder = tmp_path / "a#b%41"
    folder.mkdir()
    shutil.copy(tmp_path / "mlflow.db", folder)
    assert mlflow_runs.export(runs[:1], folder) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["files", "mlflow.db"]
    assert len(list(folder.glob("files/*/artifacts/run.json"))) == 1


def test_a_file_that_is_no_database(runs: list[SeedRun], tmp_path: Path, store: MlflowClient) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "mlflow.db").write_text("no database, " * 100)
    with pytest.raises(UserError, match=r"other: MLflow says: .*not a database.*; give another folder or --uri"):
        mlflow_runs.export(runs, folder)
