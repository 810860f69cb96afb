"""Predictions as a stream: the order of the file, empty texts, pipes, formats, and what is left where it fails."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import expit, softmax

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.inference import predict
from bertfit.inference.input_rows import ALL, InputRow
from bertfit.inference.packed_classifier import PackedClassifier
from bertfit.inference.predict import PredictionCounts, Request
from conftest import ROOT
from helpers.delivered import NAMES

SCRIPT = str(ROOT / "scripts/predict.py")


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.usefixtures("cpu")
def test_new_texts_stream_in_order(delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty texts, quotes and line ends in a file of several pieces; every row has its own answer."""
    lines = [*pq.read_table(delivered / "test.parquet")["text"].to_pylist()[:20], " \u200b", 'w1 "w2"\nw3, w4']
    with open(tmp_path / "new.csv", "w", newline="") as handle:
        csv.writer(handle).writerows([["id", "full text"], *enumerate(lines)])
    monkeypatch.setattr(predict, "ROWS", 5)
    request = Request(str(tmp_path / "new.csv"), str(tmp_path / "out.csv"), threads=1)
    assert predict.run(delivered / "model", request) == PredictionCounts(texts=21, empty=1)
    rows = read(tmp_path / "out.csv")
    assert [int(row["row"]) for row in rows] == list(range(1, 23))
    assert set(rows.pop(20).values()) == {"21", ""}, "a text without a visible character has an empty answer"
    del lines[20]
    expected = softmax(PackedClassifier.load(delivered / "model", threads=1).logits(lines).astype(np.float64), axis=1)
    assert np.allclose([[float(row[f"p({name})"]) for name in NAMES] for row in rows], expected, atol=2e-6)
    assert [row["label"] for row in rows] == [["'=a", "b|c", "-1"][number] for number in expected.argmax(1)]


@pytest.mark.usefixtures("cpu")
def test_several_labels(delivered: Path, tmp_path: Path) -> None:
    """One of three texts has the first class, all the second, none the third."""
    folder, texts = tmp_path / "several", ["w1 w2 w3", "w21 w22", "w45 w46 w47"]
    shutil.copytree(delivered / "model", folder)
    expected = expit(PackedClassifier.load(folder, threads=1).logits(texts).astype(np.float64))
    low, high = sorted(expected[:, 0])[1:]
    thresholds = [(low + high) / 2, float(expected[:, 1].min()) - 0.01, 0.9999]
    config, settings = (files.read_json(folder / name) for name in ("config.json", "bertfit.json"))
    files.write_json(folder / "config.json", config | {"problem_type": "multi_label_classification"})
    files.write_json(folder / "bertfit.json", settings | {"thresholds": thresholds})
    (tmp_path / "new.jsonl").write_text("".join(json.dumps({"t": text, "key": text[:3]}) + "\n" for text in texts))
    labels = [NAMES[:2] if row[0] > thresholds[0] else NAMES[1:2] for row in expected]
    for runtime in ("torch", "onnx"):
        request = Request(str(tmp_path / "new.jsonl"), str(tmp_path / "o.jsonl"), "t", ["key"], runtime=runtime)
        predict.run(folder, request)
        rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
        assert [row["key"] for row in rows] == ["w1 ", "w21", "w45"] and [row["labels"] for row in rows] == labels
        assert np.allclose([list(row["probabilities"].values()) for row in rows], expected, atol=1e-5)


def test_a_torn_file_leaves_no_answers(delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new.csv").write_bytes(b"text\n" + b"w1 w2\n" * 2000 + b"\xff\n")
    monkeypatch.setattr(predict, "ROWS", 3)
    with pytest.raises(UserError, match="UTF-8"):
        predict.run(
            delivered / "model",
            Request(str(tmp_path / "new.csv"), str(tmp_path / "out.csv"), "text", runtime="onnx", threads=1),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_what_is_refused(delivered: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text\nw1\n")
    (tmp_path / "head.csv").write_text("text\n")
    new, out = str(tmp_path / "new.csv"), str(tmp_path / "out.csv")
    with pytest.raises(UserError, match="no model in it"):
        predict.run(tmp_path, Request(new, out, "text"))
    with pytest.raises(UserError, match="the predictions would replace the texts"):
        predict.run(delivered / "model", Request(new, new, "text"))
    with pytest.raises(UserError, match="no rows"):
        predict.run(delivered / "model", Request(str(tmp_path / "head.csv"), out, "text"))


def test_rows_that_arrive_are_passed_on_at_once() -> None:
    """A reader that waits after each row: its rows come one by one; one that does not, in lists."""
    go = [threading.Event() for _ in range(3)]

    def slow() -> Iterator[InputRow]:
        for number, event in enumerate(go):
            event.wait(20)
            yield InputRow(str(number), {})

    chunks = predict.arriving(slow(), 100)
    for number, event in enumerate(go):
        event.set()
        assert next(chunks) == [InputRow(str(number), {})]
    assert list(chunks) == []
    many = [InputRow(str(number), {}) for number in range(1000)]
    found = list(predict.arriving(iter(many), 64))
    assert [row for chunk in found for row in chunk] == many and max(map(len, found)) <= 64


def test_an_error_of_the_reader_comes_behind_its_rows() -> None:
    def torn() -> Iterator[InputRow]:
        yield InputRow("a", {})
        raise UserError("torn")

    found = []
    with pytest.raises(UserError, match="torn"):
        for chunk in predict.arriving(torn(), 10):
            found += chunk
    assert found == [InputRow("a", {})]


def test_blank_texts() -> None:
    assert all(map(predict.is_blank, ["", " \t\n", "\u200b\u00a0\ufeff"]))
    assert not any(map(predict.is_blank, [".", "\u200ba", "\U0001f600"]))


def test_the_command(delivered: Path, tmp_path: Path) -> None:
    """The column of training is the default; what is wrong is one line and status 2."""
    (tmp_path / "new.jsonl").write_text(json.dumps({"full text": "w1 w2"}) + "\n" + json.dumps({"full text": ""}))
    command = [sys.executable, SCRIPT, str(delivered / "model"), "new.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1 texts classified: new.answers.csv\n"), done.stderr
    assert done.stderr == "1 rows without text have an empty label\n"
    done = subprocess.run([*command, "--text", "text"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith(
        "error: new.jsonl: no column 'text'; did you mean 'full text'"
    )


def test_from_pipe_to_pipe_an_answer_comes_before_the_next_text(delivered: Path) -> None:
    command = [sys.executable, SCRIPT, str(delivered / "model"), "-", "--keep", "--runtime", "onnx", "--threads", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdin and started.stdout and started.stderr
        os.write(started.stdin.fileno(), b"id,full text\n7,w1 w2\n")
        head, first = started.stdout.readline(), started.stdout.readline()
        os.write(started.stdin.fileno(), "8,é w3\n".encode())
        second = started.stdout.readline()
        started.stdin.close()
        assert started.stdout.read() == b"" and started.wait() == 0
        assert started.stderr.read() == b"2 texts classified: -\n"
    rows = list(csv.DictReader(io.StringIO((head + first + second).decode())))
    assert [(row["id"], row["full text"]) for row in rows] == [("7", "w1 w2"), ("8", "é w3")]
    assert all(row["label"] for row in rows)


def test_a_pipe_has_the_format_of_the_output(delivered: Path) -> None:
    command = [sys.executable, SCRIPT, str(delivered / "model"), "-", "--format", "jsonl", "--runtime", "onnx8"]
    done = subprocess.run(command, input=b'{"full text": "w1"}\n{"full text": null}\n', capture_output=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["row"] for row in rows] == [1, 2] and rows[0]["label"] in NAMES and rows[1]["label"] is None
    done = subprocess.run([*command, "--input-format", "csv"], input=b"full text\nw1\n", capture_output=True)
    assert json.loads(done.stdout)["label"] == rows[0]["label"]


def test_memory_does_not_grow_with_the_file(delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,000 rows in pieces of ten, never more than ten are in memory."""
    alive, most = 0, 0

    class Counted(str):
        def __new__(cls, text: str) -> Counted:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            return super().__new__(cls, text)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    rows = (InputRow(Counted("w1"), {"row": number}) for number in range(1000))
    monkeypatch.setattr(predict.input_rows, "read", lambda *_: rows)
    monkeypatch.setattr(predict, "ROWS", 10)
    request = Request("new.csv", str(tmp_path / "out.csv"), keep=[ALL], runtime="onnx", threads=1)
    assert predict.run(delivered / "model", request).texts == 1000
    assert most <= 30, "a piece, the one before it, and the first"
