"""The texts of a column, whatever the file."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.corpus_schema import Text
from bertfit.core import row_readers
from bertfit.core.errors import UserError
from bertfit.data import unlabelled_text

TEXTS = ['say "no", twice', "two\nlines", "", "  spaced ", "a\u2028b", "𝄞 ياسر"]


def write(path: Path, values: list[str], name: str = "full text") -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": range(len(values)), name: values}), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({name: value, "id": 1}) + "\n" for value in values))
    else:
        mark = row_readers.KINDS[path.suffix]
        quoted = [value.replace('"', '""') for value in values]
        path.write_text(f"id{mark}{name}\r\n" + "".join(f'1{mark}"{value}"\r\n' for value in quoted), newline="")
    return path


@pytest.mark.parametrize("ending", row_readers.KINDS)
def test_every_kind_gives_the_same_texts(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a ä{ending}", TEXTS)
    assert list(row_readers.read_column(path, "full text")) == TEXTS
    assert row_readers.count_rows(path) >= len(TEXTS)
    with pytest.raises(UserError, match=r"no column 'full txt'; did you mean 'full text'"):
        list(row_readers.read_column(path, "full txt"))


@pytest.mark.parametrize("ending", row_readers.KINDS)
def test_only_what_is_asked_for_is_read(tmp_path: Path, ending: str) -> None:
    """A torn end is no error for who reads the beginning only."""
    path = write(tmp_path / f"a{ending}", ["x"] * 5000)
    assert list(islice(row_readers.read_column(path, "full text"), 3)) == ["x"] * 3
    if ending != ".parquet":
        with open(path, "ab") as handle:
            handle.write(b"\xff\xff")
        texts_read = row_readers.read_column(path, "full text")
        assert next(texts_read) == "x"
        with pytest.raises(UserError, match=r"UTF-8"):
            list(texts_read)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"x", r"unknown ending '\.xlsx'; give a file that ends in \.csv"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"id,full text\n1\n", "1 columns where the first line has 2"),
        ("a.jsonl", b"[1]\n", r"a\.jsonl:1: not a JSON object"),
        ("a.jsonl", b'{"full text": ["a"]}\n', "is not a text; name another"),
        ("a.parquet", b"PAR1", "not a complete Parquet file"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(row_readers.read_column(tmp_path / name, "full text"))


def test_texts_without_labels_become_pre_training_text(tmp_path: Path) -> None:
    path = write(tmp_path / "more.csv", ["One. Two!", "", "three\nlines here"])
    unlabelled_text.build(Text(path=str(path), column="full text"), "train", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "One.\nTwo!\n\nthree lines here\n\n"
    empty = write(tmp_path / "none.csv", ["", " "])
    with pytest.raises(UserError, match="no text in column 'full text'"):
        unlabelled_text.build(Text(path=str(empty), column="full text"), "train", tmp_path / "out.txt")
