"""The texts of a column, the names of the columns and the number of rows, whatever the file."""

from __future__ import annotations

import json
import unicodedata
from itertools import islice
from pathlib import Path

import pytest

from bertfit.core import text_columns
from bertfit.core.errors import UserError
from helpers.columns import write

TEXTS = ['say "no", twice', "two\nlines", "", "  spaced ", "a\u2028b", "𝄞 ياسر"]


@pytest.mark.parametrize("ending", text_columns.KINDS)
def test_every_kind_gives_the_same_texts(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a ä{ending}", TEXTS)
    assert list(text_columns.read_column(path, "full text")) == TEXTS
    header = bool(text_columns.KINDS[ending])
    assert text_columns.count_rows(path) == len(TEXTS) + header, "a text with a line end is one row"
    assert set(text_columns.column_names(path)) == {"id", "full text"}
    with pytest.raises(UserError, match=r"no column 'full txt'; did you mean 'full text'"):
        list(text_columns.read_column(path, "full txt"))


@pytest.mark.parametrize("ending", text_columns.KINDS)
def test_only_what_is_asked_for_is_read(tmp_path: Path, ending: str) -> None:
    """A torn end is no error for who reads the beginning only."""
    path = write(tmp_path / f"a{ending}", ["x"] * 5000)
    assert list(islice(text_columns.read_column(path, "full text"), 3)) == ["x"] * 3
    if ending not in (".parquet", ".json"):
        with open(path, "ab") as handle:
            handle.write(b"\xff\xff")
        texts_read = text_columns.read_column(path, "full text")
        assert next(texts_read) == "x"
        with pytest.raises(UserError, match=r"UTF-8"):
            list(texts_read)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"x", r"unknown ending '\.xlsx'; give a file that ends in \.csv"),
        ("a.csv", b"", "the file is empty"),
        (
            "a.csv",
            b"id,full text\n1\n",
            "1 columns where the first line has 2; add the missing cells, and put texts with line ends",
        ),
        (
            "a.csv",
            b"full text\na,b\n",
            "2 columns where the first line has 1; put texts with commas into double quotes",
        ),
        ("a.jsonl", b"1\n", r"a\.jsonl:1: not a JSON object; each line must be one object, or the file one array"),
        ("a.jsonl", b"[1]\n", r"a\.jsonl: item 1: not a JSON object"),
        ("a.json", b'[{"full text": "a"},]', r"a\.json: not JSON \(.*\); each line must be one object, or"),
        ("a b.csv", b"full text\ncaf\xe9\n", r"iconv -f WINDOWS-1252 -t UTF-8 'a b\.csv' > 'a b\.utf8\.csv'"),
        ("a.csv", "full text\na\n".encode("utf-16"), r"it is UTF-16, not UTF-8; .* a\.csv > a\.utf8\.csv"),
        (
            "a.jsonl",
            b'{"full text": ["a"]}\n',
            "is not a text; name another column; lists of labels need MULTILABEL=json",
        ),
        ("a.parquet", b"PAR1", "not a complete Parquet file"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(text_columns.read_column(tmp_path / name, "full text"))


def test_rows_are_counted_by_parsing(tmp_path: Path) -> None:
    """Line ends in texts and empty lines are no rows, whatever the quotes beside them."""
    path = tmp_path / "a.csv"
    path.write_text('text,label\n\n"one ""quoted""\n\ntext",1\n5" nail,0\n"\n",1')
    assert text_columns.count_rows(path) == 4
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a\\nb"}\n\n{"text": ""}')
    assert text_columns.count_rows(path) == 2
    path = tmp_path / "a.label"
    path.write_text("NUM:a b\n\nNUM:c d")
    assert text_columns.count_rows(path) == 2


def test_an_array_of_objects_is_read_whatever_the_ending(tmp_path: Path) -> None:
    """Files called .json hold arrays, or an object in each line."""
    rows = [{"full text": "a\nb"}, {"full text": None}, {}, {"full text": 3}]
    array, lines = json.dumps(rows, indent=2), "".join(json.dumps(row) + "\n" for row in rows)
    for name, content in {"a.json": array, "b.jsonl": "\ufeff\n" + array, "c.json": lines}.items():
        (tmp_path / name).write_text(content)
        assert list(text_columns.read_column(tmp_path / name, "full text")) == ["a\nb", "", "", "3"]
        assert text_columns.count_rows(tmp_path / name) == 4


@pytest.mark.parametrize("ending", text_columns.KINDS)
def test_accents_of_column_names_may_be_characters_of_their_own(tmp_path: Path, ending: str) -> None:
    """As file systems and spreadsheets of Macs write them."""
    for written, asked in (("NFD", "NFC"), ("NFC", "NFD")):
        path = write(tmp_path / f"a{ending}", ["x"], unicodedata.normalize(written, "Étiquette"))  # type: ignore[arg-type]
        assert list(text_columns.read_column(path, unicodedata.normalize(asked, "Étiquette"))) == ["x"]  # type: ignore[arg-type]


def test_a_file_that_may_not_be_read_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: root may read everything."""
    path = write(tmp_path / "a.csv", ["x"])

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UserError, match=r"a\.csv: cannot be read \(Permission denied\); correct its permissions"):
        list(text_columns.read_column(path, "full text"))


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_texts_of_the_rows_that_have_a_value(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    if ending == ".csv":
        path.write_text("t,of,n\na,x,1\nb,y,1\nc,x,2\n")
    else:
        path.write_text('{"t": "a", "of": "x", "n": 1}\n{"t": "b", "of": "y", "n": 1}\n{"t": "c", "of": "x", "n": 2}\n')
    assert list(text_columns.read_column(path, "t", {"of": "x"})) == ["a", "c"]
    assert list(text_columns.read_column(path, "t", {"of": "x", "n": 2})) == ["c"]
