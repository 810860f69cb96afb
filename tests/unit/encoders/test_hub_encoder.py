"""Encoders by their hub id alone: against a local server that speaks the hub's API, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bertfit.core.errors import UserError
from bertfit.encoders import hub_encoder
from helpers.hub_server import serve

COMMIT = "c" * 40
SCRIPTS = Path(__file__).parents[3] / "scripts"
CHILD = """
import json, sys, time
time.sleep = lambda seconds: None  # the libraries wait between their retries
from bertfit.core.errors import UserError
from bertfit.encoders import hub_encoder
answers = {}
for declared in json.load(sys.stdin):
    try:
        answers[declared["hub"]] = hub_encoder.completed(declared)
    except UserError as error:
        answers[declared["hub"]] = str(error)
print("ANSWERS", json.dumps(answers))
"""


def asked(url: str, cache: Path, *declared: dict[str, Any]) -> dict[str, Any]:
    """What is known of the declared encoders, by their ids."""
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(cache), "PYTHONPATH": str(SCRIPTS)}
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "HF_HUB_ETAG_TIMEOUT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(declared), capture_output=True, text=True, env=environment,
        check=True,
    )  # fmt: skip
    return json.loads(done.stdout.split("ANSWERS ")[1])


def config(**content: Any) -> dict[str, bytes]:
    return {"config.json": json.dumps(content).encode()}


REPOSITORIES = {
    "me/modern": (COMMIT, config(model_type="modernbert", num_hidden_layers=22)),
    "me/distil": (COMMIT, config(model_type="distilbert", n_layers=6)),
    "me/gpt": (COMMIT, config(model_type="gpt2", n_layer=12)),
    "me/bare": (COMMIT, config(model_type="roberta")),
}


def test_an_id_is_resolved_once_and_stays(tmp_path: Path) -> None:
    with serve(REPOSITORIES) as hub:
        ids = [{"hub": name} for name in REPOSITORIES]
        found = asked(hub.url, tmp_path, *ids, {"hub": "me/none"})
        assert found["me/modern"] == {
            "title": "me/modern", "hub": "me/modern", "revision": COMMIT, "layers": 22, "family": "modernbert",
        }  # fmt: skip
        assert (found["me/distil"]["layers"], found["me/distil"]["family"]) == (6, "distilbert")
        assert "model_type is 'gpt2'; encoders of these families can be used" in found["me/gpt"]
        assert found["me/bare"].endswith("does not give num_hidden_layers; is it that of an encoder?")
        assert "hub model me/none: HTTP 404; no such data set, model, commit or file: check" in found["me/none"]
    # the branch moves on, and the hub is not even there: the commit stays that of the first time
    again = asked(hub.url, tmp_path, {"hub": "me/modern", "title": "Mine", "licence": None}, {"hub": "me/new"})
    assert again["me/modern"]["revision"] == COMMIT and again["me/modern"]["title"] == "Mine"
    assert "hf download me/new --local-dir FOLDER" in again["me/new"]


def test_what_is_declared_is_not_asked_for() -> None:
    whole = {"hub": "me/any", "revision": COMMIT, "layers": 3}
    assert hub_encoder.completed(whole) == whole
    with pytest.raises(UserError, match="not the id of a model; it has the form OWNER/NAME"):
        hub_encoder.completed({"hub": "../up"} | {"layers": None})
    with pytest.raises(UserError, match="OWNER/NAME"):
        hub_encoder.completed({"hub": "bert-base"})
