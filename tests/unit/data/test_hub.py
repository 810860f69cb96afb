"""The hub: against a local server that speaks its API, in a process of its own, since HF_ENDPOINT is read at import."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.hub_server import Hub, serve

COMMIT, OTHER = "a" * 40, "b" * 40
SCRIPTS = Path(__file__).parents[3] / "scripts"
CHILD = """
import json, sys, time
time.sleep = lambda seconds: None  # the libraries wait between their retries
from bertfit.config.corpus_schema import HubSource
from bertfit.core.errors import UserError
from bertfit.data import hub
answers = {}
for name, source in json.load(sys.stdin).items():
    try:
        table = hub.read(HubSource.model_validate(source), "train")
        answers[name] = [table.to_pydict(), table.schema.metadata and table.schema.metadata[b"label_names"].decode()]
    except UserError as error:
        answers[name] = str(error)
print("ANSWERS", json.dumps(answers))
"""


def parquet(texts: list[str], labels: list[int]) -> bytes:
    label = {"names": ["neg", "pos"], "_type": "ClassLabel"}
    features = {"text": {"dtype": "string", "_type": "Value"}, "label": label}
    table = pa.table({"text": texts, "label": pa.array(labels, pa.int64())})
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), buffer)
    return buffer.getvalue()


TRAIN = parquet(["bad", 'say ""hi""'], [0, 1])
REPOSITORIES = {
    "org/good": (
        COMMIT,
        {
            "README.md": b"---\nlicense: mit\n---\n",
            "plain_text/train-00000-of-00001.parquet": TRAIN,
            "plain_text/test-00000-of-00001.parquet": parquet(["x"], [1]),
        },
    ),
    "org/files": (
        COMMIT,
        {
            "default/train/0000.parquet": TRAIN,
            "train.label": b"NUM:dist How far ?\n",
            "train.jsonl": b'{"title": "T", "description": "D", "label": 4}\n',
        },
    ),
    "org/script": (COMMIT, {"README.md": b"", "script.py": b"raise SystemExit('the script was run')"}),
    "org/pickle": (COMMIT, {"README.md": b"", "rows.pkl": pickle.dumps(["a"])}),
}


def source(dataset: str, **given: Any) -> dict[str, Any]:
    return {"dataset": dataset, "revision": COMMIT} | given


JSON_COLUMNS = {"title": "title", "body": "description"}
SOURCES = {
    "good": source("org/good"),
    "undoubled": source("org/good", undouble_quotes=True),
    "parquet": source("org/files", data_files={"train": "default/train/0000.parquet"}),
    "trec": source("org/files", data_files={"train": "train.label"}),
    "jsonl": source("org/files", data_files={"train": "train.jsonl"}, columns=JSON_COLUMNS),
    "column": source("org/good", columns={"text": "txt"}),
    "label": source("org/good", label="labels"),
    "split": source("org/files", data_files={"test": "train.label"}),
    "file": source("org/files", data_files={"train": "train.csv"}),
    "commit": source("org/good", revision=OTHER),
    "file commit": source("org/files", revision=OTHER, data_files={"train": "train.label"}),
    "absent": source("org/none"),
    "script": source("org/script"),
    "pickle": source("org/pickle"),
    "named pickle": source("org/pickle", data_files={"train": "rows.pkl"}),
    **{f"{status}": source(f"org/{status}") for status in (401, 403, 429, 503)},
    **{f"file {status}": source(f"org/{status}", data_files={"train": "a.csv"}) for status in (401, 403, 429, 503)},
}
LATER_NAMES = ("good", "undoubled", "parquet", "trec", "jsonl", "commit", "absent", "file", "file 401")
LATER = {name: SOURCES[name] for name in LATER_NAMES}


def ask(sources: Mapping[str, Any], home: Path, endpoint: str, **environment: str) -> dict[str, Any]:
    """What `hub.read` answers for each source, in a fresh process."""
    for key in ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_DATASETS_CACHE", "HF_HUB_CACHE"):
        environment.setdefault(key, "")
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": str(SCRIPTS)}
    kept = {key: value for key, value in (os.environ | environment).items() if value or key not in environment}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(sources), env=kept, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.split("ANSWERS ", 1)[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hf")


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with serve(REPOSITORIES, {f"org/{status}": status for status in (401, 403, 429, 503)}) as hub:
        yield hub


@pytest.fixture(scope="module")
def online(hub: Hub, home: Path) -> dict[str, Any]:
    return ask(SOURCES, home, hub.url)


@pytest.fixture(scope="module")
def unreachable(online: dict[str, Any], home: Path) -> dict[str, Any]:
    """The same cache, and nobody at the other end."""
    return ask(LATER, home, "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def offline(online: dict[str, Any], home: Path) -> dict[str, Any]:
    return ask(LATER, home, "http://127.0.0.1:9", HF_HUB_OFFLINE="1")


GOOD = [{"text": ["bad", 'say ""hi""'], "label": [0, 1]}, '["neg", "pos"]']
ROWS = {
    "good": GOOD,
    "undoubled": [{"text": ["bad", 'say "hi"'], "label": [0, 1]}, '["neg", "pos"]'],
    "parquet": GOOD,
    "trec": [{"text": ["How far ?"], "label": ["NUM"]}, None],
    "jsonl": [{"title": ["T"], "body": ["D"], "label": [4]}, None],
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_online_and_from_the_cache(
    name: str, online: dict[str, Any], unreachable: dict[str, Any], offline: dict[str, Any]
) -> None:
    assert online[name] == ROWS[name]
    assert unreachable[name] == ROWS[name]
    assert offline[name] == ROWS[name]


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "column": ["org/good at aaaaaaa (train)", "no column 'txt'; did you mean 'text'?"],
        "label": ["no column 'labels'; did you mean 'label'?"],
        "split": ["data_files names no file for this split"],
        "file": ["HTTP 404", "check `dataset`, `revision` and `data_files`"],
        "commit": ["at bbbbbbb (train): HTTP 404"],
        "file commit": ["HTTP 404"],
        "absent": ["org/none", "HTTP 404"],
        "script": ["no Parquet files", "scripts or pickles are never run or read", "data_files"],
        "pickle": ["no Parquet files", "scripts or pickles are never run or read"],
        "named pickle": ["rows.pkl is a script or pickle, which is never run or read"],
        "401": ["HTTP 401", "hf auth login"],
        "403": ["HTTP 403", "accept the terms"],
        "429": ["HTTP 429", "wait some minutes"],
        "503": ["HTTP 503", "try again later"],
    }.items(),
)
def test_refusals_say_the_cure(name: str, words: list[str], online: dict[str, Any]) -> None:
    for key in (name, f"file {name}"):
        if key in SOURCES:
            for word in words:
                assert word in online[key]
    if name not in ("column", "label", "split", "script", "pickle", "named pickle"):
        assert online[name].endswith("or put the files into a data folder (--config data=FOLDER)")


def test_nothing_cached_and_no_network(unreachable: dict[str, Any], offline: dict[str, Any]) -> None:
    for name in ("absent", "file", "file 401"):
        assert "the hub does not respond: check the network" in unreachable[name]
        assert "HF_HUB_OFFLINE is set" in offline[name]


def test_without_network_no_other_commit_slips_in(unreachable: dict[str, Any], offline: dict[str, Any]) -> None:
    assert "org/good at bbbbbbb (train): the hub does not respond" in unreachable["commit"]
    assert "org/good at bbbbbbb (train): not in the cache" in offline["commit"]


def test_every_download_is_of_the_pinned_commit(online: dict[str, Any], hub: Hub) -> None:
    files = [request for request in hub.requests if request.startswith("GET /datasets/")]
    assert any("train-00000-of-00001.parquet" in request for request in files)
    assert all(f"/resolve/{COMMIT}/" in request for request in files)
