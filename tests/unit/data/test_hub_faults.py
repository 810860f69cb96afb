"""A hub that misbehaves: what is mended, what is refused and how it is said; and that the token stays secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_hub import COMMIT, GOOD, SCRIPTS, TRAIN

from helpers import tiny
from helpers.hub_server import Fault, Hub, serve

TOKEN = "hf_" + "NeverToBeSeen" * 2
CHILD = """
import json, sys, time
slept = []
import huggingface_hub.file_download
def sleep(seconds):  # the libraries wait between their retries
    slept.append(seconds)
    huggingface_hub.close_session()  # the next request is made by a new client, as after a failed connection
time.sleep = sleep
huggingface_hub.file_download._ETAG_RETRY_TIMEOUT = 1  # of a minute: the second round asks with more patience
from pathlib import Path
from bertfit.config.corpus_schema import Corpus, HubSource
from bertfit.config.encoder_schema import Encoder
from bertfit.core.errors import UserError
from bertfit.data import corpora, hub
from bertfit.runtime import job_log
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import fetch_encoder
wanted, out = json.load(sys.stdin), Path(sys.argv[1])
answers = {}
with job_log.to(str(out / "job.log")):
    for key, (kind, spec) in wanted.items():
        slept.clear()
        try:
            if kind == "rows":
                table = hub.read(HubSource.model_validate(spec), "train")
                answer = [table.to_pydict(), table.schema.metadata[b"label_names"].decode()]
            elif kind == "corpus":
                paths = {name: out / f"{key}.{name}" for name in ("train", "test", "clusters", "card")}
                answer = corpora.build(key, Corpus.model_validate(spec), files={}, sample=None, **paths)
            else:
                answer = fetch_encoder.fetch(Encoder.model_validate(spec), out=out / key, job=JobIdentity("c0de", spec))
        except UserError as error:
            answer = str(error)
        print(key, answer)
        answers[key] = [answer, max(slept, default=0)]
(out / "answers.json").write_text(json.dumps(answers))
"""
FAULTS: tuple[Fault, ...] = (
    *("slow", "hangs", "hangs in files", "breaks once", "breaks", "altered once", "altered", "loop", "busy"),
    *(401, 403, 404, 429, 500, 503),
)
WHOLE = ("slow", "breaks once", "busy")  # what `huggingface_hub` mends by itself


def name(fault: Fault) -> str:
    return f"org/{str(fault).replace(' ', '-')}"


def source(dataset: str, **given: Any) -> dict[str, Any]:
    return {"dataset": dataset, "revision": COMMIT} | given


def encoder(hub: str) -> dict[str, Any]:
    return {"title": "t", "vocabulary": "v", "layers": 2, "hub": hub, "revision": COMMIT}


def corpus(rows: int) -> dict[str, Any]:
    rows_of = {"train": rows, "test": 2}
    return {"title": "t", "domain": "topic", "rows": rows_of, "source": {"hub": source("org/rows")}}


def ask(wanted: dict[str, Any], hub: Hub, folder: Path, **environment: str) -> tuple[dict[str, Any], str]:
    """Answers by key with the longest wait between retries, and all that the process printed."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    given = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf"), "HF_TOKEN": TOKEN, "PYTHONPATH": str(SCRIPTS)}
    given |= {"HF_HUB_ETAG_TIMEOUT": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "1", "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(out)],
        input=json.dumps(wanted),
        env=kept | given,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:] + (out / "job.log").read_text()[-4000:]
    return json.loads((out / "answers.json").read_text()), done.stdout + done.stderr


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("model")
    tiny.encoder(folder / "encoder", tiny.vocabulary(folder / "words"))
    return {path.name: path.read_bytes() for path in (folder / "encoder").iterdir()}


@pytest.fixture(scope="module")
def hub(model: dict[str, bytes]) -> Iterator[Hub]:
    files = {"default/train/0000.parquet": TRAIN, "README.md": b"---\nlicense: mit\n---\n"}
    pickled = {"config.json": model["config.json"], "vocab.txt": model["vocab.txt"], "pytorch_model.bin": b"\x80"}
    repositories = {name(fault): (COMMIT, files) for fault in FAULTS}
    repositories |= {"org/rows": (COMMIT, {"data/train-0.parquet": TRAIN, "data/test-0.parquet": TRAIN})}
    repositories |= {"org/model": (COMMIT, model), "org/pickled": (COMMIT, pickled)}
    repositories |= {f"org/model-{fault}": (COMMIT, model) for fault in ("altered", "breaks")}
    faults: dict[str, Fault] = {name(fault): fault for fault in FAULTS}
    with serve(repositories, faults | {"org/model-altered": "altered", "org/model-breaks": "breaks"}) as hub:
        yield hub


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def answered(hub: Hub, folder: Path) -> tuple[dict[str, Any], str]:
    """Every fault met twice: the second call shows what the first has left in the cache."""
    by_file = {"data_files": {"train": "default/train/0000.parquet"}}
    wanted = {f"{fault} {call}": ["rows", source(name(fault), **by_file)] for fault in FAULTS for call in (1, 2)}
    del wanted["hangs 2"], wanted["hangs in files 2"]  # they take seconds
    wanted |= {f"whole {fault}": ["rows", source(name(fault))] for fault in ("hangs", "loop", "altered", 403, 500)}
    wanted |= {"model": ["encoder", encoder("org/model")], "pickled": ["encoder", encoder("org/pickled")]}
    wanted |= {f"model {fault}": ["encoder", encoder(f"org/model-{fault}")] for fault in ("altered", "breaks")}
    wanted |= {"no model": ["encoder", encoder("org/none")]}
    wanted |= {"corpus": ["corpus", corpus(2)], "rows": ["corpus", corpus(3)]}
    return ask(wanted, hub, folder, HF_DEBUG="1")


@pytest.fixture(scope="module")
def answers(answered: tuple[dict[str, Any], str]) -> dict[str, Any]:
    return {key: answer for key, (answer, _) in answered[0].items()}


@pytest.mark.parametrize("fault", WHOLE)
def test_passing_faults_are_mended(fault: str, answers: dict[str, Any]) -> None:
    assert answers[f"{fault} 1"] == answers[f"{fault} 2"] == GOOD


def test_a_broken_download_goes_on_where_it_broke(answers: dict[str, Any], hub: Hub) -> None:
    gets = [one for one in hub.requests if one.startswith("GET /datasets/org/breaks-once/resolve")]
    assert len(gets) == 2 and answers["breaks once 1"] == GOOD


def test_the_hub_says_how_long_to_wait(answered: tuple[dict[str, Any], str]) -> None:
    waits = {key: longest for key, (_, longest) in answered[0].items()}
    assert waits["busy 1"] >= 1, "Retry-After"
    assert 1 <= waits["500 1"] <= 8, "growing waits between retries"


@pytest.mark.parametrize(
    ("fault", "words"),
    {
        "hangs": ["the hub does not respond: check the network, the proxy and HF_ENDPOINT"],
        "hangs in files": ["the hub does not respond: check the network"],
        "breaks": ["the download was interrupted: check the network, and run the same command again"],
        "altered": ["the content is not what the hub declares", "it was deleted: run the same command"],
        "loop": ["too many redirects: check HF_ENDPOINT and the proxy"],
        "401": ["HTTP 401", "`hf auth login`"],
        "403": ["HTTP 403", "accept the terms"],
        "404": ["HTTP 404", "check `dataset`, `revision` and `data_files`"],
        "429": ["HTTP 429", "wait some minutes"],
        "500": ["HTTP 500", "try again later"],
        "503": ["HTTP 503", "try again later"],
    }.items(),
)
def test_lasting_faults_are_named_each_time(fault: str, words: list[str], answers: dict[str, Any]) -> None:
    for key in (f"{fault} 1", f"{fault} 2", f"whole {fault}"):
        for word in words if key in answers else []:
            assert word in answers[key], answers[key]


def test_altered_content_is_not_kept(answers: dict[str, Any]) -> None:
    assert "is not what the hub declares" in answers["altered once 1"]
    assert answers["altered once 2"] == GOOD


def test_models_are_checked_alike(answers: dict[str, Any], folder: Path) -> None:
    assert answers["model"] is None and (folder / "out/model/model.safetensors").is_file()
    assert "is not what the hub declares" in answers["model altered"]
    assert answers["model breaks"].startswith("hub model org/model-breaks at aaaaaaa: the download was interrupted")
    assert "HTTP 404" in answers["no model"] and answers["no model"].endswith("or give its files as `folder:`")
    assert not any((folder / "out" / f"model {fault}").exists() for fault in ("altered", "breaks"))


def test_a_pickle_is_refused_and_never_fetched(answers: dict[str, Any], hub: Hub) -> None:
    assert "its weights are a pickle (pytorch_model.bin), which is never read" in answers["pickled"]
    assert "a commit or a folder with model.safetensors" in answers["pickled"]
    assert not [one for one in hub.requests if one.startswith("GET") and one.endswith("pytorch_model.bin")]


def test_rows_are_counted(answers: dict[str, Any], folder: Path) -> None:
    assert answers["corpus"] is None and "2 rows where 3 are expected" in answers["rows"]
    card = json.loads((folder / "out/corpus.card").read_text())
    assert card["source"]["revision"] == COMMIT and not (folder / "out/rows.card").exists()


def test_a_cached_copy_that_has_changed_is_found(answers: dict[str, Any], hub: Hub, tmp_path: Path) -> None:
    wanted = {"rows": ["rows", source("org/rows")]}
    assert ask(wanted, hub, tmp_path)[0]["rows"][0] == GOOD
    blob = next(path for path in (tmp_path / "hf/hub").rglob("train-0.parquet")).resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    assert "is not what the hub declares" in ask(wanted, hub, tmp_path, HF_HUB_OFFLINE="1")[0]["rows"][0]
    assert "not in the cache" in ask(wanted, hub, tmp_path, HF_HUB_OFFLINE="1")[0]["rows"][0]
    assert ask(wanted, hub, tmp_path)[0]["rows"][0] == GOOD


def test_the_token_is_used_and_never_written(answered: tuple[dict[str, Any], str], hub: Hub, folder: Path) -> None:
    assert f"Bearer {TOKEN}" in hub.tokens
    assert TOKEN not in answered[1]
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert {"run.json", "corpus.card", "job.log", "answers.json"} <= {path.name for path in written}
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]
