"""The texts of a column, whatever the file."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from bertfit.core import row_readers
from bertfit.core.errors import UserError
from helpers.columns import write

TEXTS = ['say "no", twice', "two\nlines", "", "  spaced ", "a\u2028b", "𝄞 ياسر"]


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
