"""Rows of files and pipes of each format: their texts, what is kept of them, and errors with their line."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core.errors import UserError
from bertfit.inference import input_rows
from bertfit.inference.input_rows import ALL, PIPE, InputRow

ROWS = [{"id": "1", "text": 'a "b"\nc', "n": "x"}, {"id": "2", "text": "", "n": "y"}]


def rows(source: Path | str, text: str | int = "text", keep: tuple[str, ...] = (), **more: object) -> list[InputRow]:
    kind = input_rows.format_of(str(source), more.get("kind"))
    return list(input_rows.read(str(source), kind, text, keep, more.get("pipe")))


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_each_format(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"new.{ending}"
    mark = "\t" if ending == "tsv" else ","
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        path.write_text(f'\ufeffid{mark}text{mark}n\n1{mark}"a ""b""\nc"{mark}x\n\n2{mark}{mark}y\n')
    assert rows(path) == [InputRow('a "b"\nc', {"row": 1}), InputRow("", {"row": 2})]
    assert [row.kept for row in rows(path, keep=("n", "id"))] == [{"n": "x", "id": "1"}, {"n": "y", "id": "2"}]
    assert [row.kept for row in rows(path, keep=(ALL,))] == ROWS
    with pytest.raises(UserError, match="no column 'txt'; did you mean 'text'"):
        rows(path, "txt")
    with pytest.raises(UserError, match="no column 'key'"):
        rows(path, keep=("key",))


def test_a_file_without_header(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("a,b\nc,d\n")
    assert rows(tmp_path / "new.csv", 1) == [InputRow("b", {"row": 1}), InputRow("d", {"row": 2})]
    assert rows(tmp_path / "new.csv", 0, (ALL,))[1] == InputRow("c", {"0": "c", "1": "d"})


def test_values_that_are_no_texts(tmp_path: Path) -> None:
    (tmp_path / "new.jsonl").write_text('{"text": null}\n{"text": 1.5}\n{}\n\n{"text": true}\n')
    assert [row.text for row in rows(tmp_path / "new.jsonl")] == ["", "1.5", "", "true"]
    pq.write_table(pa.table({"text": [None, "a"], "day": [date(2020, 1, 2), None]}), tmp_path / "new.parquet")
    found = rows(tmp_path / "new.parquet", keep=("day",))
    assert found == [InputRow("", {"day": date(2020, 1, 2)}), InputRow("a", {"day": None})]


def test_a_pipe() -> None:
    assert rows(PIPE, pipe=io.StringIO("text\na\n")) == [InputRow("a", {"row": 1})]
    assert rows(PIPE, kind="jsonl", pipe=io.StringIO('{"text": "\u2028"}\n')) == [InputRow("\u2028", {"row": 1})]
    with pytest.raises(UserError, match="Parquet cannot be read from a pipe"):
        rows(PIPE, kind="parquet")
    latin = io.TextIOWrapper(io.BytesIO(b"text\n\xff\n"), encoding="utf-8")
    with pytest.raises(UserError, match="standard input: not UTF-8"):
        rows(PIPE, pipe=latin)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("new.csv", b"text,n\na,b,c\n", r"new.csv:2: 3 columns where the first line has 2"),
        ("new.csv", b'text\n"a\n', r"new.csv:2: "),
        ("new.csv", b"text\n\xff\n", r"new.csv:2: byte 5 \(0xff\) is not UTF-8"),
        ("new.csv", b"text,text\na,b\n", "'text' is a duplicate"),
        ("new.csv", "text\na\n".encode("utf-16"), "UTF-16"),
        ("new.csv", b"", "the file is empty"),
        ("new.jsonl", b'{"text": "a"}\n[1]\n', r"new.jsonl:2: not a JSON object"),
        ("new.jsonl", b'{"text": ["a"]}\n', r"new.jsonl:1: 'text' is not a text"),
        ("new.parquet", b"PAR1", "not a complete Parquet file"),
        ("new.xls", b"a", "unknown ending '.xls'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        rows(tmp_path / name)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        rows(tmp_path / "new.csv")
