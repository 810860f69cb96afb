"""Files as they come from elsewhere: their rows, exactly, or what is wrong, where, and what to do."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core.errors import UserError
from helpers.hostile import Content, build, parquet

HEAD = "text,label\n"
PLAIN = HEAD + "good film,x\nbad film,y\n"
ROWS = {"text": ["good film", "bad film"], "label": ["x", "y"]}
OBJECTS = '{"text": "good film", "label": "x"}\n{"text": "bad film", "label": "y"}\n'


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends(tmp_path: Path, mark: bytes, end: str) -> None:
    for ending, content in (("csv", PLAIN), ("tsv", PLAIN.replace(",", "\t"))):
        assert build(tmp_path, mark + content.replace("\n", end).encode(), ending=ending)[1] == ROWS
    if end != "\r":
        assert build(tmp_path, mark + OBJECTS.replace("\n", end).encode(), ending="jsonl")[1] == ROWS


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    ("ending", "content"), [("csv", PLAIN), ("tsv", PLAIN), ("jsonl", OBJECTS), ("label", "A:b x\n")]
)
def test_utf_16_is_named(tmp_path: Path, encoding: str, ending: str, content: str) -> None:
    name = encoding.upper()
    with pytest.raises(UserError) as caught:
        build(tmp_path, content.encode(encoding), ending=ending)
    assert f"train.{ending}: it is {name}, not UTF-8; convert it, for example: iconv -f {name} -t UTF-8" in str(
        caught.value
    )


AWKWARD = {
    "line ends and quotes": 'two\nlines, "so" she\r\nsaid',
    "nul": "a\0b",
    "emoji": "😀 👩‍👩‍👧‍👦 🇩🇪",
    "right to left": "שלום ‏مرحبا \u202etfel ot thgir",
    "separators": "a\u2028b\u2029c\u0085d\x0ce\x1cf",
    "long ago": "ſtudium, Æther",
    "formula": "=HYPERLINK(1)",
    "markup": "</script><script>alert(1)</script>",
}


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_every_text_is_kept_as_it_is(tmp_path: Path, ending: str) -> None:
    texts, labels = list(AWKWARD.values()), ["x", "y"] * 4
    quoted = [text.replace('"', '""') for text in texts]
    between = "," if ending == "csv" else "\t"
    lines = "".join(f'"{text}"{between}{label}\n' for text, label in zip(quoted, labels, strict=True))
    objects = "".join(
        json.dumps({"text": text, "label": label}) + "\n" for text, label in zip(texts, labels, strict=True)
    )
    content: dict[str, Content] = {
        "csv": HEAD + lines,
        "tsv": HEAD.replace(",", "\t") + lines,
        "jsonl": objects,
        "parquet": parquet(text=texts, label=labels),
    }
    assert build(tmp_path, content[ending], ending=ending)[1] == {"text": texts, "label": labels}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_ten_million_characters(tmp_path: Path, ending: str) -> None:
    long = "é, " * 3_333_334
    lines = f'{HEAD}"{long}",x\nshort,y\n' if ending == "csv" else "".join(
        json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n"
        for text, label in ((long, "x"), ("short", "y"))
    )  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    card, rows = build(tmp_path, lines, PLAIN if ending == "csv" else OBJECTS, ending=ending)
    assert rows["text"] == [long, "short"]
    assert card["splits"]["train"]["rows"] == 2
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 20 * len(long.encode())


def test_columns_named_like_words_of_python(tmp_path: Path) -> None:
    content = "class,def,None,import\ngood,x,1,a\nbad,y,2,b\n"
    source: dict[str, Any] = {"columns": {"text": "class"}, "label": "def"}
    assert build(tmp_path, content, **source)[1] == {"text": ["good", "bad"], "label": ["x", "y"]}
    layout = {"fields": ["class", "None"], "text": {"fields": ["class", "None"]}}
    source |= {"columns": {"class": "class", "None": "None"}, "layout": layout}
    _, rows = build(tmp_path, content, **source)
    assert rows == {"class": ["good", "bad"], "None": ["1", "2"], "label": ["x", "y"]}
    columns = {"class": ["good", "bad"], "def": ["x", "y"], "None": ["1", "2"]}
    assert build(tmp_path, parquet(**columns), ending="parquet", **source)[1] == rows


def test_paths_with_blanks_and_other_letters(tmp_path: Path) -> None:
    folder = tmp_path / "meine Daten é😀 {x} 'so'"
    folder.mkdir()
    card, rows = build(folder, PLAIN)
    assert rows == ROWS
    assert card["source"]["files"]["train"]["path"] == "train.csv"


BAD: dict[str, tuple[str, Content, str]] = {
    "two columns": ("csv", "text,text,label\na,b,x\n", "train.csv: the column 'text' is a duplicate; rename one"),
    "two labels": ("csv", "text,label,label\na,x,y\n", "the column 'label' is a duplicate"),
    "semicolons": ("csv", "text;label\na;x\n", "its delimiter is ';': save with commas"),
    "tabs": ("csv", "text\tlabel\na\tx\n", "its delimiter is '\\t'"),
    "blanks": ("csv", "text ,label\na,x\n", "did you mean 'text '?"),
    "open quote": ("csv", HEAD + 'a,x\n"b,y\nc,x\n', "train.csv:3: unexpected end of data"),
    "blank row": ("csv", HEAD + "a,x\n  \nb,y\n", "train.csv:3: 1 columns where the first line has 2"),
    "nothing seen": ("csv", HEAD + 'a,x\n"\0 \u200b\u00a0",y\n', "train.csv: row 2 has no text"),
    "not a number": ("jsonl", '{"text": NaN, "label": 1}\n', "train.jsonl:1: not JSON (NaN is not a JSON value"),
    "key twice": ("jsonl", OBJECTS + '{"text": "a", "text": "b", "label": 1}\n', "train.jsonl:3: not JSON (duplicate"),
    "deep": ("jsonl", f'{{"text": {"[" * 100_000}\n', "train.jsonl:1: not JSON (maximum recursion depth"),
    "digits": ("jsonl", f'{{"text": {"9" * 5000}, "label": 1}}\n', "train.jsonl:1: not JSON (Exceeds the limit"),
    "half a label": ("jsonl", '{"text": "a", "label": "\\ud800"}\n', "train.jsonl:1: 'label' holds an unpaired"),
    "list of labels": ("jsonl", '{"text": "a", "label": [1]}\n', "train.jsonl:1: 'label' is not a text"),
    "array": ("jsonl", '[["a", "x"]]\n', "train.jsonl: item 1: not a JSON object"),
    "bytes": ("parquet", parquet(text=[b"a", b"b"], label=["x", "y"]), "column 'text' holds binary, and field"),
    "nested": ("parquet", parquet(text=["a"], label=[[1]]), "the labels are of the type list<element: int64>"),
    "part": ("parquet", parquet(text=["a", "b"], label=[1.0, 2.5]), "row 2 has 2.5; numbers with a fraction are"),
    "infinite": ("parquet", parquet(text=["a", "b"], label=[1.0, float("inf")]), "the labels are not classes"),
    "large": ("parquet", parquet(text=["a"], label=pa.array([2**64 - 1], pa.uint64())), "the labels are not classes"),
    "gap": ("parquet", parquet(text=["a", "b"], label=[1.0, float("nan")]), "row 2 has no label (rows without: 1)"),
    "excel": ("xlsx", "PK", "unknown ending '.xlsx'; save it as .csv"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refused_with_place_and_cure(tmp_path: Path, name: str) -> None:
    ending, content, message = BAD[name]
    with pytest.raises(UserError) as caught:
        build(tmp_path, content, ending=ending)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_parquet_of_other_hands(tmp_path: Path) -> None:
    texts, labels = pa.array(["good film", "bad film"]), pa.array(["x", "y"])
    for text, label in (
        (texts.dictionary_encode(), labels.dictionary_encode()),
        (texts.cast(pa.large_string()), labels.cast(pa.string_view())),
    ):
        assert build(tmp_path, parquet(text=text, label=label), ending="parquet")[1] == ROWS

    def twice(path: Path) -> None:
        pq.write_table(pa.Table.from_arrays([texts, texts, labels], ["text", "text", "label"]), path)

    with pytest.raises(UserError, match="the column 'text' is a duplicate"):
        build(tmp_path, twice, ending="parquet")
    offsets, letters = pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, letters])
    with pytest.raises(UserError, match=r"not a complete Parquet file .*Invalid UTF8 sequence at string index 1"):
        build(tmp_path, parquet(text=broken, label=labels), ending="parquet")


@pytest.mark.parametrize("names", ["nope", "[1, 2]", '["a", "a"]', b"\xff", "[" * 100_000])
def test_metadata_that_name_no_classes(tmp_path: Path, names: str | bytes) -> None:
    table = pa.table({"text": ["a", "b"], "label": [0, 1]})
    for key in ("label_names", "huggingface"):
        if (key, names) == ("huggingface", '["a", "a"]'):
            continue

        def write(path: Path, key: str = key) -> None:
            pq.write_table(table.replace_schema_metadata({key: names}), path)

        with pytest.raises(UserError, match="class names in its metadata are not a list of texts; give `label_names`"):
            build(tmp_path, write, ending="parquet")
        card, _ = build(tmp_path, write, ending="parquet", label_names=["n", "y"])  # the cure
        assert card["label_names"] == ["n", "y"]


def test_trec_files_of_today_are_utf_8(tmp_path: Path) -> None:
    lines = "\ufeffLOC:city Où est 東京 😀 ?\nNUM:dist How far ?\n"
    assert build(tmp_path, lines, ending="label")[1]["text"] == ["Où est 東京 😀 ?", "How far ?"]
