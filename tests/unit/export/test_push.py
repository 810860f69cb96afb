"""An exported classifier on a hub: what is uploaded and what never is, and what is said where it cannot be."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.export import push
from conftest import ROOT
from helpers import hub_server
from helpers.hub_server import WRITER, Hub

SECRET = b"a text of the corpus"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, of which this process and those it starts know."""
    with hub_server.serve({}, {"me/broken": 500}) as found:
        for name, value in {"HF_ENDPOINT": found.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": WRITER}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The names of an exported folder, and what does not belong to it."""
    model = tmp_path / "results" / "model"
    (model / "onnx").mkdir(parents=True)
    config = {"id2label": {"0": "a"}, "bertfit": {"max_length": 24}}
    (model / "config.json").write_text(json.dumps(config))
    (model / "bertfit.json").write_text(json.dumps({"study": "example.t", "memorisable": False}))
    for name in ("README.md", "model.safetensors", "vocab.txt", "onnx/model.onnx", "onnx/model_int8.onnx"):
        (model / name).write_bytes(name.encode())
    for name in ("predictions.csv", "mistakes.csv", "notes.txt", "onnx/predictions.csv", "../predictions.csv"):
        (model / name).write_bytes(SECRET)
    return model


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts/push.py", *arguments],
        capture_output=True,
        text=True,
        env=dict(os.environ) | environment,
    )


def test_the_files_of_the_model_and_no_others(hub: Hub, folder: Path) -> None:
    done = run(folder, "me/classifier")
    assert (done.returncode, done.stdout) == (0, f"{hub.url}/me/classifier\n"), done.stderr
    found = hub.uploaded["me/classifier"]
    assert set(found) == {
        "README.md", "bertfit.json", "config.json", "model.safetensors", "vocab.txt", "onnx/model.onnx",
        "onnx/model_int8.onnx",
    }  # fmt: skip
    assert all(content == (folder / name).read_bytes() for name, content in found.items())
    assert SECRET not in b"".join([*found.values(), *hub.stored.values()])
    assert hub.private == {"me/classifier": True} and hub.messages == ["Upload the classifier example.t"]


def test_a_repository_that_exists_gets_another_commit(hub: Hub, folder: Path) -> None:
    assert run(folder, "me/classifier", "--public").returncode == 0
    (folder / "README.md").write_text("new")
    assert run(folder, "me/classifier").returncode == 0
    assert hub.private == {"me/classifier": False} and len(hub.messages) == 2
    assert hub.uploaded["me/classifier"]["README.md"] == b"new"


def test_a_model_that_may_give_away_texts_is_asked_for_twice(hub: Hub, folder: Path) -> None:
    settings = {"study": "example.t", "memorisable": True, "memorisable_because": "it is so"}
    (folder / "bertfit.json").write_text(json.dumps(settings))
    done = run(folder, "me/classifier")
    assert done.returncode == 2 and "may give away texts that it was trained on: it is so" in done.stderr
    (folder / "bertfit.json").write_text("{}")
    done = run(folder, "me/classifier")
    assert done.returncode == 2 and "REALLY=yes" in done.stderr, "nothing is known of it"
    assert not hub.requests
    assert run(folder, "me/classifier", "--yes-texts-may-be-memorised").returncode == 0
    assert hub.uploaded["me/classifier"]


@pytest.mark.parametrize("name", ["model", "me/", "/model", "me/mo del", "me/model/x", "me/..", "../me", "me/a--b", ""])
def test_names_that_the_hub_does_not_take(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="not the name of a repository; give OWNER/NAME"):
        push.push(folder, name)


def test_tokens(hub: Hub, folder: Path) -> None:
    done = run(folder, "me/classifier", HF_TOKEN="")
    assert done.returncode == 2 and "no token of the hub: set HF_TOKEN" in done.stderr and not hub.requests
    done = run(folder, "me/classifier", HF_TOKEN="hf_other")
    assert done.returncode == 2 and "HTTP 401; the token is not valid" in done.stderr
    done = run(folder, "you/classifier")
    assert done.returncode == 2 and "HTTP 403; the token may not write there" in done.stderr
    assert WRITER not in done.stderr + done.stdout


def test_a_hub_that_fails_and_no_network(hub: Hub, folder: Path) -> None:
    done = run(folder, "me/broken")
    assert done.returncode == 2 and "HTTP 500; the hub has a problem" in done.stderr
    done = run(folder, "me/classifier", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 2 and "the hub does not respond: check the network" in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["REPO=me/x", "FOLDER=a b'; touch c/model"], ["a b'; touch c/model", "me/x"]),
        (["REPO=me/$(shell)`x`", "FOLDER=m", "PUBLIC=yes"], ["m", "me/$(shell)`x`", "--public"]),
        (["REPO=me/x", "FOLDER=m", "REALLY=yes"], ["m", "me/x", "--yes-texts-may-be-memorised"]),
        (["REPO=me/x", "FOLDER=m", "REALLY=no", "PUBLIC=no"], ["m", "me/x"]),
    ],
)
def test_make_passes_what_is_given(given: list[str], expected: list[str]) -> None:
    make = ["make", "--no-print-directory", "-n", "-o", ".venv/installed", "push", *given]
    done = subprocess.run(make, cwd=ROOT, capture_output=True)
    line = done.stdout.decode().replace("\\\n", " ").strip()
    assert shlex.split(line) == [".venv/bin/python", "scripts/push.py", *expected], done.stderr


def test_folders_that_are_not_uploaded(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model in it"):
        push.push(tmp_path, "me/classifier")
    (folder / "vocab.txt").unlink()
    (folder / "vocab.txt").symlink_to(folder / "../predictions.csv")
    with pytest.raises(UserError, match="this link leads out of the folder"):
        push.push(folder, "me/classifier")
    (folder / "README.md").unlink()
    with pytest.raises(UserError, match="no model card"):
        push.push(folder, "me/classifier")
