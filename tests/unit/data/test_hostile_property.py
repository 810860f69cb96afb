"""Any bytes as a corpus: the rows that a plain reading of the file finds, or an error of the user's; nothing else.

Files are made whole, with odd cells, and then damaged; the plain readings below share no code with the library.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from bertfit.core.errors import UserError
from helpers.hostile import build

Rows = list[tuple[Any, Any]]
ODD = [
    "",
    " ",
    "a,b",
    '"',
    'say "hi"',
    "two\nlines",
    "\r",
    "\r\n",
    "tab\there",
    "a\0b",
    "\ufeffx",
    "é中😀",
    "\u2028",
    "=1",
]
ANY = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
TEXTS = st.one_of(ANY.map("a{}".format), ANY.map("{}b".format), ANY.map("{}é".format), ANY)
LABELS = ["x", "y", "x ", "X", "1", "01", "1.0", "2", "-1", "", "nan", "NaN", "é", "e\u0301", "a,b", "\n"]
NUMBERS = [0, 1, 5, -1, 1.0, 2.5, 2**70, True, None]
SETS = [["x", "y "], ["1", "2.0"], ["é", "a,b", 'q"'], ["-1", "1", "nan"], LABELS]
TYPED = [*SETS, [0, 1], [1, 5.0], [1, "5"], ["x", 1.0], [True, False], [0.5, 1], [*LABELS, *NUMBERS]]
BLANK = " \t\n\x0b\x0c\r\u0085\u00a0\u2028\u2029"
EXAMPLES = int(os.environ.get("BERTFIT_EXAMPLES", 250))  # of each format; what CI runs is the same every time


def delimited(rows: Rows, delimiter: str, quoting: Any) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator="\n", escapechar=None)
    writer.writerows([("text", "label"), *rows])
    return buffer.getvalue().encode()


def objects(rows: Rows) -> bytes:
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows).encode()


def table(rows: Rows) -> bytes:
    sink = io.BytesIO()
    columns = {"text": [text for text, _ in rows], "label": pa.array([label for _, label in rows])}
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def plain_rows(content: bytes, ending: str) -> Rows:
    """Text and label of each row as Python's own readers find them; labels as texts without white space around them."""
    if ending == "parquet":
        found = pq.read_table(io.BytesIO(content), columns=["text", "label"]).to_pylist()
        return [(row["text"], row["label"]) for row in found]
    text = content.decode("utf-8-sig")
    if ending == "jsonl":
        rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        return [(row.get("text"), row.get("label")) for row in rows]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="," if ending == "csv" else "\t")
    head, *lines = [row for row in reader if row]
    return [(row[head.index("text")], row[head.index("label")]) for row in lines]


def as_text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def as_class(value: Any) -> str:
    """A label as text: 1.0 is the whole number 1, a boolean is what JSON calls it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return as_text(value).strip(BLANK)


def one_way(labels: Sequence[str]) -> list[str]:
    """Where all labels are whole numbers, those with zeros behind the point are written without it."""
    heads = [label.partition(".") for label in labels]
    whole = all(head.removeprefix("-").isdecimal() and not rest.strip("0") and bool(rest) == bool(dot)
                for head, dot, rest in heads)  # fmt: skip
    return [head for head, _, _ in heads] if whole else list(labels)


@st.composite
def damage(draw: st.DrawFn, content: bytes) -> bytes:
    """A file as it is, cut short, or with some bytes changed, doubled, removed or put in."""
    data = bytearray(content)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["cut", "change", "insert", "remove", "double"]))
        if kind == "cut":
            del data[place:]
        elif kind == "change" and data:
            data[place] = draw(st.integers(0, 255))
        elif kind == "insert":
            data[place:place] = draw(
                st.sampled_from([b"\xff", b"\0", b'"', b"\n", b",", b"\t", b"\xef\xbb\xbf", b"\r"])
            )
        elif kind == "remove":
            del data[place : place + draw(st.integers(1, 4))]
        else:
            data[place:place] = data[place : place + 20]
    return bytes(data)


def check(content: bytes, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            card, rows = build(Path(folder), content, ending=ending)
        except UserError as error:
            assert "train." in str(error)  # the file is named
            event("refused")
            return
    event("read")
    plain = plain_rows(content, ending)
    labels = [as_class(label) for _, label in plain]
    assert rows["text"] == [as_text(text) for text, _ in plain]
    assert rows["label"] == one_way(labels)
    assert sum(card["splits"]["train"]["classes"].values()) == len(plain)


common = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def rows(data: st.DataObject, sets: Sequence[Any], texts: st.SearchStrategy[Any] = TEXTS) -> Rows:
    """Two to six rows, whose labels are of one of the ``sets``."""
    labels = st.sampled_from(data.draw(st.sampled_from(sets)))
    return data.draw(st.lists(st.tuples(texts, labels), min_size=2, max_size=6))


@common
@given(st.data(), st.sampled_from(["csv", "tsv"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_csv_and_tsv(data: st.DataObject, ending: str, quoting: Any) -> None:
    content = delimited(rows(data, SETS), "," if ending == "csv" else "\t", quoting)
    check(data.draw(damage(content)), ending)


@common
@given(st.data())
def test_jsonl(data: st.DataObject) -> None:
    check(data.draw(damage(objects(rows(data, TYPED, st.one_of(TEXTS, TEXTS, st.sampled_from(NUMBERS)))))), "jsonl")


@common
@given(st.data())
def test_parquet(data: st.DataObject) -> None:
    check(data.draw(damage(table(rows(data, [*SETS, [0, 3], [0.0, 1.0], [1.0, 2.5], [True, False]])))), "parquet")


@common
@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl", "parquet", "label"]))
def test_bytes_of_no_format(content: bytes, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.raises(UserError, match=r"train\."):
        build(Path(folder), content, ending=ending)
