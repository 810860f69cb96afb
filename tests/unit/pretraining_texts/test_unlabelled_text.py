"""Unlabelled texts: of the hub (a local server that speaks its API), of files, of the synthetic benchmark."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from bertfit.config.corpus_schema import Text
from bertfit.core.errors import UserError
from bertfit.pretraining_texts import unlabelled_text
from bertfit.synthetic import generated_texts
from helpers.columns import write
from helpers.hub_server import serve

COMMIT = "a" * 40
ROWS = {
    "test": [
        "", " = Robert <unk> = \n", " \n", " Robert is an actor . He had a role ( in 2000 ) . \n", " = = Career = = \n",
        " In 2 @-@ 3 plays he acted ; a = b = c is no heading . \n", "\n", " = 3 \n",
    ],
    "train": ["One.\n\nTwo lines? Yes.", None, "Three."],
    "empty": ["", " = = A = = \n"],
}  # fmt: skip
CHILD = """
import json, sys
from pathlib import Path
from bertfit.config.corpus_schema import Text
from bertfit.core.errors import UserError
from bertfit.pretraining_texts import unlabelled_text
for name, (text, split) in json.load(sys.stdin).items():
    try:
        unlabelled_text.build(Text.model_validate(text), split, Path(sys.argv[1], name))
    except UserError as error:
        Path(sys.argv[1], name).write_text(str(error))
"""


def parquet(rows: list[str | None], field: str = "text") -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({field: pa.array(rows, pa.string())}), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is written for a text, or its error. In a process of its own: HF_ENDPOINT is read at import."""
    folder = tmp_path_factory.mktemp("texts")
    repositories = {
        "Salesforce/wikitext": (
            COMMIT,
            {
                "README.md": b"",
                **{f"raw/{split}-00000-of-00001.parquet": parquet(ROWS[split]) for split in ("test", "train")},
                "empty.parquet": parquet(ROWS["empty"]),
                "other.parquet": parquet(["Other."], "page"),
            },
        )
    }
    files = {split: f"raw/{split}-00000-of-00001.parquet" for split in ("train", "test")}

    def text(**given: Any) -> dict[str, Any]:
        return {"hub": {"dataset": "Salesforce/wikitext", "revision": COMMIT} | given}

    asked = {
        "test": (text(data_files=files), "test"),
        "train": (text(data_files=files), "train"),
        "found": (text(), "test"),
        "field": (text(data_files={"test": "other.parquet"}, field="page"), "test"),
        "no split": (text(data_files={"test": files["test"]}), "train"),
        "no field": (text(data_files=files, field="txt"), "test"),
        "empty": (text(data_files={"test": "empty.parquet"}), "test"),
        "commit": (text(data_files=files, revision="b" * 40), "test"),
    }
    with serve(repositories) as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf")}
        removed = ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_DATASETS_CACHE", "HF_HUB_CACHE")
        kept = {key: value for key, value in os.environ.items() if key not in removed}
        path = {"PYTHONPATH": str(Path(unlabelled_text.__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(folder)],
            input=json.dumps(asked), env=kept | environment | path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return {name: (folder / name).read_bytes().decode() for name in asked}


def test_rows_are_documents_but_for_headings_and_empty_rows(answers):
    assert answers["test"] == (
        "Robert is an actor .\nHe had a role ( in 2000 ) .\n\n"
        "In 2 @-@ 3 plays he acted ; a = b = c is no heading .\n\n"
        "= 3\n\n"
    )
    assert answers["found"] == answers["test"]


def test_a_line_end_inside_a_row_ends_no_document(answers):
    assert answers["train"] == "One.\nTwo lines?\nYes.\n\nThree.\n\n"


def test_another_field(answers):
    assert answers["field"] == "Other.\n\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no split", "Salesforce/wikitext at aaaaaaa (train): data_files names no file for this split"),
        ("no field", "no column 'txt'; did you mean 'text'?"),
        ("empty", "hub data set Salesforce/wikitext (test): no text in column 'text'"),
        ("commit", "HTTP 404; no such data set, model, commit or file"),
    ],
)
def test_what_is_unavailable_is_explained(answers, name, message):
    assert message in answers[name]


def test_exactly_one_source():
    hub = {"dataset": "a/b", "revision": COMMIT}
    for wrong in ({}, {"hub": hub, "path": "a.txt"}, {"hub": hub, "synthetic": {"corpus": "general"}}):
        with pytest.raises(ValidationError, match="give one of synthetic, hub, or files"):
            Text.model_validate(wrong)
    with pytest.raises(ValidationError, match="revision"):
        Text.model_validate({"hub": hub | {"revision": "main"}})
    assert Text(path="a", test="b").hub is None


def test_files_and_the_world_are_copied(tmp_path):
    (tmp_path / "own.txt").write_bytes("A.\r\nB.\n\n\u00e9\n".encode())
    unlabelled_text.build(Text(path=str(tmp_path / "own.txt")), "train", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == "A.\nB.\n\n\u00e9\n".encode()
    with pytest.raises(UserError, match="no test split; declare a file"):
        unlabelled_text.build(Text(path=str(tmp_path / "own.txt")), "test", tmp_path / "b")
    assert not (tmp_path / "b").exists()
    generated = Text.model_validate({"synthetic": {"corpus": "general", "seed": 2}})
    unlabelled_text.build(generated, "test", tmp_path / "c")
    documents = ["\n".join(lines) for lines in generated_texts.documents("general", "test", 2)]
    assert (tmp_path / "c").read_text() == "".join(f"{document}\n\n" for document in documents)


def test_a_byte_that_is_not_utf_8_is_named_by_its_place_in_the_file(tmp_path):
    """Not in the reader's buffer: the file is larger than one."""
    line = "A sentence of forty bytes, line end too.\r\n"
    content = (line * 5000).encode() + b"caf\xe9.\n"
    (tmp_path / "own.txt").write_bytes(content)
    with pytest.raises(
        UserError, match=rf"own\.txt: line 5001, byte {content.index(0xE9)} \(from 0\) is not UTF-8; save"
    ):
        unlabelled_text.build(Text(path=str(tmp_path / "own.txt")), "train", tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("content", ["", "\n \n\t\n"])
def test_a_file_without_text_is_named(tmp_path, content):
    (tmp_path / "own.txt").write_text(content)
    with pytest.raises(UserError, match=r"own\.txt: no text in it; give at least one document"):
        unlabelled_text.build(Text(path=str(tmp_path / "own.txt")), "train", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_any_line_end_becomes_a_line_feed(tmp_path):
    (tmp_path / "own.txt").write_bytes(b"A.\rB.\r\n\r\nC.\n\rD.")
    unlabelled_text.build(Text(path=str(tmp_path / "own.txt")), "train", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"A.\nB.\n\nC.\n\nD."


def test_texts_without_labels_become_pre_training_text(tmp_path: Path) -> None:
    path = write(tmp_path / "more.csv", ["One. Two!", "", "three\nlines here"])
    unlabelled_text.build(Text(path=str(path), column="full text"), "train", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "One.\nTwo!\n\nthree lines here\n\n"
    empty = write(tmp_path / "none.csv", ["", " "])
    with pytest.raises(UserError, match="no text in column 'full text'"):
        unlabelled_text.build(Text(path=str(empty), column="full text"), "train", tmp_path / "out.txt")
