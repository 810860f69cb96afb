"""The command that exports a study: choice of runs, options, messages; no host is asked for anything."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.exchange import formats
from bertfit.exchange.formats import ExportRequest, parse_date
from conftest import ROOT
from helpers import finished_study
from helpers.archived import BLOCK

MARK = "BERTFIT_TEST_OF_EXPORT"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return finished_study.make(tmp_path / "made")


def test_only_the_runs_that_are_asked_for(study: Path, tmp_path: Path) -> None:
    request = ExportRequest(to="lm-eval", out=tmp_path / "out", artefacts=["table2"], corpora=["trec"])
    assert formats.export(study, request) == [f"2 runs in {tmp_path / 'out'}"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "made__trec__mini__default__seed1",
        "made__trec__mini__default__seed2",
    ]
    (study / "scores/table4.parquet").write_bytes((study / "scores/table2.parquet").read_bytes())
    (study / "scores/figure1.parquet").write_bytes((study / "results.parquet").read_bytes())
    assert formats.export(study, ExportRequest(to="lm-eval", out=tmp_path / "all")) == [f"5 runs in {tmp_path / 'all'}"]


def test_corpora_without_entries_are_named(study: Path, tmp_path: Path) -> None:
    lines = formats.export(study, ExportRequest(to="hub", out=tmp_path / "out"))
    assert lines == [f"3 of 5 runs in {tmp_path / 'out'}", "imdb: no entries, its rows are generated"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"to": "wandb", "uri": "x"}, "--uri: only for --to mlflow; leave it out"),
        ({"to": "lm-eval", "benchmarks": ["a=b/c"]}, "--benchmark: only for --to hub; leave it out"),
        ({"to": "hub", "predictions": True}, "--predictions: only for --to lm-eval or mlflow or wandb; leave it out"),
        ({"to": "mlflow", "selection": "best"}, "--selection: only for --to hub or lm-eval; leave it out"),
        (
            {"to": "hub", "date": "yesterday"},
            "--date 'yesterday': give a date such as 2026-05-01 or 2026-05-01T12:00:00 "
            "(Invalid isoformat string: 'yesterday')",
        ),
    ],
)
def test_options_that_a_format_does_not_take(request_: dict, message: str, study: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        formats.export(study, ExportRequest(out=tmp_path / "out", **request_))
    assert str(caught.value) == message
    assert not (tmp_path / "out").exists()


def test_a_folder_is_needed(study: Path) -> None:
    with pytest.raises(UserError, match="--out: give a folder to write to"):
        formats.export(study, ExportRequest(to="lm-eval"))


def test_dates_are_of_utc_unless_they_say_so() -> None:
    assert parse_date("2026-05-01") == datetime(2026, 5, 1, tzinfo=UTC)
    assert parse_date("2026-05-01T12:00:00+02:00") == datetime(2026, 5, 1, 10, tzinfo=UTC)


def test_an_archive_is_exported_without_torch(archived: Path, tmp_path: Path) -> None:
    script = [sys.executable, "-c", BLOCK, str(ROOT / "scripts/export_results.py"), str(archived)]
    options = ["--to", "lm-eval", "--out", str(tmp_path / "out"), "--corpora", "imdb", "--date", "2026-05-01"]
    result = subprocess.run([*script, *options], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    files = list((tmp_path / "out").glob("*/results_2026-05-01T00-00-00.json"))
    assert result.stdout == f"{len(files)} runs in {tmp_path / 'out'}\n" and files
    assert {task for path in files for task in json.loads(path.read_text())["results"]} == {"imdb"}


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "scripts/export_results.py"), str(tmp_path), "--to", "hub", "--out", "x"]
    result = subprocess.run(script, capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ") and "no results.parquet" in result.stderr


def test_a_store_that_is_no_database_is_named_in_one_line(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    pytest.importorskip("alembic", reason="alembic is not installed")
    (tmp_path / "mlflow.db").write_text("no database, " * 100)
    script = [sys.executable, str(ROOT / "scripts/export_results.py"), str(study), "--to", "mlflow"]
    result = subprocess.run([*script, "--out", str(tmp_path)], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {tmp_path}: MLflow says: ") and "not a database" in result.stderr
    assert "Traceback" not in result.stderr and result.stderr.count("\n") == 1
    assert result.stderr.endswith("; give another folder or --uri\n")


@pytest.fixture
def listener() -> Iterator[tuple[str, list]]:
    """The address of a server that notes who connects, and what it noted."""
    asked: list = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                asked.append(address)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked


def processes(mark: str) -> list[bytes]:
    """Command lines of the processes whose environment has ``mark``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("to", "packages"), [("mlflow", ["alembic", "mlflow"]), ("wandb", ["wandb"])])
def test_no_host_is_asked_and_no_process_stays(
    to: str, packages: list[str], study: Path, tmp_path: Path, listener: tuple[str, list]
) -> None:
    """Every host is behind a proxy that notes who asks; the environment is that of a user who is usually online."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    url, asked = listener
    usual = {name: value for name, value in os.environ.items() if not name.lower().endswith("proxy")}
    for name in ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "CI", "GITHUB_ACTIONS"):  # telemetry is off where one is set
        usual.pop(name, None)
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WANDB_BASE_URL"), url)
    online = {"WANDB_MODE": "online", "WANDB_API_KEY": "0" * 40, MARK: str(tmp_path)}
    script = [sys.executable, "scripts/export_results.py", str(study), "--to", to, "--out", str(tmp_path / "out")]
    result = subprocess.run(script, cwd=ROOT, env=usual | proxies | online, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"5 runs added to {tmp_path / 'out'}, 0 were there\n"
    assert asked == [], f"{len(asked)} connections"
    assert processes(f"{MARK}={tmp_path}") == []
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
        deadline = time.monotonic() + 10
        while not asked and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(asked) == 1  # it would have been noted
