"""Files on disk: every format gives the same rows, and nothing is lost or changed silently."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertfit.config.corpus_schema import LocalSource
from bertfit.core.errors import UserError
from bertfit.data import local_files

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
AWKWARD = ["a,b", 'say "hi"', '"', "two\nlines", "two\r\nlines", "tab\there", "nan", "NA", "", " padded ", "\\n"]
AWKWARD += ["é中😀\u2028x"]


def source(**given: object) -> LocalSource:
    return LocalSource.model_validate({"train": "train", "test": "test"} | given)


def read(path: Path, **given: object) -> pa.Table:
    return local_files.read(source(**given), "train", path)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def delimited(rows: list[list[str]], delimiter: str = ",", end: str = "\n") -> str:
    buffer = io.StringIO(newline="")
    # QUOTE_ALL: with "\n" as line end, the csv module forgets to quote a lone "\r"
    csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_csv_and_tsv_keep_every_cell(tmp_path: Path, end: str, mark: bytes, ending: str, delimiter: str) -> None:
    rows = [["label", "id", "text"], *(["x", str(at), text] for at, text in enumerate(AWKWARD))]
    table = read(write(tmp_path / f"a.{ending}", mark + delimited(rows, delimiter, end).encode()))
    assert table.to_pydict() == {"text": AWKWARD, "label": ["x"] * len(AWKWARD)}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_any_text_survives_each_format(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    wanted = {"text": [text for text, _ in rows], "body": [body for _, body in rows], "label": ["k"] * len(rows)}
    columns = {"text": "text", "body": "body"}
    listed = [["text", "body", "label"], *([text, body, "k"] for text, body in rows)]
    objects = [{"text": text, "body": body, "label": "k"} for text, body in rows]
    paths = [
        write(tmp_path / "a.csv", delimited(listed)),
        write(tmp_path / "a.tsv", delimited(listed, "\t")),
        write(tmp_path / "a.jsonl", "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)),
        write(tmp_path / "a.json", json.dumps(objects)),
        tmp_path / "a.parquet",
    ]
    pq.write_table(pa.table(wanted), paths[-1])
    for path in paths:
        assert read(path, columns=columns).to_pydict() == wanted, path.suffix


def test_texts_longer_than_the_csv_default(tmp_path: Path) -> None:
    text = "word, " * 50_000
    assert read(write(tmp_path / "a.csv", delimited([["text", "label"], [text, "1"]])))["text"].to_pylist() == [text]


def test_zhang_and_headerless_tables(tmp_path: Path) -> None:
    content = '"3","Fears for T N pension","Unions said ""no"", then\\nyes."\n"1","Title",""\n'
    table = read(write(tmp_path / "a.csv", content), format="zhang", columns={"title": 1, "body": 2}, label=0)
    assert table.to_pydict() == {
        "title": ["Fears for T N pension", "Title"],
        "body": ['Unions said "no", then\\nyes.', ""],
        "label": ["3", "1"],
    }
    table = read(write(tmp_path / "a.tsv", "\ufeff1\tnot a header\n0\ttext\n"), columns={"text": 1}, label=0)
    assert table.to_pydict() == {"text": ["not a header", "text"], "label": ["1", "0"]}


def test_trec_lines(tmp_path: Path) -> None:
    content = b"LOC:city What sister\xf0city ?\nNUM:dist How far ?\r\n\nHUM:ind Who is Ren\xe9 ?"
    path = write(tmp_path / "a.label", content)
    assert read(path).to_pydict() == {
        "text": ["What sister city ?", "How far ?", "Who is René ?"],
        "label": ["LOC", "NUM", "HUM"],
    }
    with pytest.raises(UserError, match=r"b\.label:2: no 'LABEL:fine'"):
        read(write(tmp_path / "b.label", "LOC:city What ?\nWhat is it ?\n"))


def test_missing_cells_are_empty_and_missing_labels_stay_missing(tmp_path: Path) -> None:
    wanted = {"text": ["a", "", "c"], "label": [1, 0, None]}
    lines = '{"text": "a", "label": 1}\n{"text": null, "label": 0}\n\n{"text": "c"}\n'
    assert read(write(tmp_path / "a.jsonl", lines)).to_pydict() == wanted
    table = pa.table({"text": ["a", None, "c"], "label": [1.0, 0.0, None], "other": [1, 2, 3]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").to_pydict() == wanted
    table = read(write(tmp_path / "a.csv", "text,label\na,1\n,0\nc,\n"))
    assert table.to_pydict() == {"text": ["a", "", "c"], "label": ["1", "0", None]}


def test_class_names_that_parquet_declares(tmp_path: Path) -> None:
    table = pa.table({"text": ["a"], "label": pa.array([0], pa.int64())})
    features = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    for metadata in ({"label_names": '["neg", "pos"]'}, {"huggingface": json.dumps(features)}):
        pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
        assert json.loads(read(tmp_path / "a.parquet").schema.metadata[b"label_names"]) == ["neg", "pos"]
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").schema.metadata is None


BAD = {
    "none.csv": (None, {}, "no such file"),
    "empty.csv": ("", {}, "is empty"),
    "header.csv": ("text,label\n", {}, "no rows"),
    "blank.tsv": ("\n\n", {}, "no rows"),
    "column.csv": ("txt,label\na,1\n", {}, "no column 'text'; did you mean 'txt'?; the columns are txt, label"),
    "label.jsonl": ('{"text": "a", "labels": 1}\n', {}, "no column 'label'; did you mean 'labels'?"),
    "long.csv": ("text,label\na,1\nb,c,1\n", {}, "long.csv:3: 3 columns where the first line has 2"),
    "short.csv": ('text,label\n"two\nlines",1\nb\n', {}, "short.csv:4: 1 columns"),
    "quote.tsv": ('text\tlabel\n"Great" film\t1\nb\t0\n', {}, "quote.tsv:2: "),
    "open.csv": ('text,label\na,1\n"b,0\nc,1\n', {}, "open.csv:3: unexpected end of data"),
    "bytes.csv": (b"text,label\na,1\ncaf\xe9,0\n", {}, "bytes.csv:3: byte 18 (0xe9) is not UTF-8"),
    "bytes.jsonl": (b'{"text": "\xff", "label": 1}\n', {}, "bytes.jsonl:1: byte 10 (0xff) is not UTF-8"),
    "half.jsonl": ('\n{"text": "\\ud83d", "label": 1}\n', {}, "half.jsonl:2: 'text' holds an unpaired surrogate"),
    "list.jsonl": ('{"text": ["a"], "label": 1}\n', {}, "list.jsonl:1: 'text' is not a text"),
    "json.jsonl": ('{"text": "a", "label": 1}\n{"text": "b"\n', {}, "json.jsonl:2: not JSON"),
    "array.jsonl": ("[1]\n", {}, "array.jsonl: item 1: not a JSON object"),
    "number.jsonl": ("1\n", {}, "number.jsonl:1: not a JSON object"),
    "mixed.csv": ("1,a\n", {"columns": {"text": 1}}, "all names (of a header) or all positions"),
    "far.csv": ("1,a\n", {"columns": {"text": 2}, "label": 0}, "no column '2'; the columns are 0, 1"),
    "a.xlsx": ("x", {}, "unknown ending '.xlsx'"),
    "cut.parquet": (b"PAR1 and then nothing", {}, "not a complete Parquet file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_say_what_and_where(tmp_path: Path, name: str) -> None:
    content, given, message = BAD[name]
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(UserError) as caught:
        read(tmp_path / name, **given)
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_bad_parquet_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["a"], "label": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"no column 'text'.*the columns are body, label"):
        read(tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": [["a"]], "label": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"column 'text' holds list<.*must be text"):
        read(tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "label": [0.5]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="are scores, not classes"):
        read(tmp_path / "a.parquet")


def test_official_files_give_the_known_rows(shared: Path) -> None:
    raw = shared / "corpora/raw"
    trec = read(raw / "trec/train_5500.label")
    known = pq.read_table(shared / "corpora/trec/train.parquet").to_pydict()
    assert trec["text"].to_pylist() == [text.replace("ð", " ") for text in known["text"]]
    assert trec["label"].to_pylist() == [fine.split(":")[0] for fine in known["label_fine"]]
    ag = read(raw / "agnews/test.csv", format="zhang", columns={"title": 1, "body": 2}, label=0)
    known = pq.read_table(shared / "corpora/agnews/test.parquet").to_pydict()
    assert (ag["title"].to_pylist(), ag["body"].to_pylist()) == (known["title"], known["description"])
    assert [int(label) - 1 for label in ag["label"].to_pylist()] == known["label"]


DAYS = [datetime(2019, 5, 3), datetime(2019, 5, 4, 12)]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "typed.parquet"])
def test_times_and_groups(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    columns: dict = {
        "text": ["p", "q"],
        "label": ["x", "y"],
        "by": ["a", None],
        "day": ["2019-05-03", "2019-05-04T12:00"],
    }
    if ending == "csv":
        write(path, "text,label,by,day\np,x,a,2019-05-03\nq,y,,2019-05-04T12:00\n")
    elif ending == "jsonl":
        lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        write(path, "".join(json.dumps(line) + "\n" for line in lines))
    else:
        typed = {"day": pa.array(DAYS, pa.timestamp("ns"))} if ending == "typed.parquet" else {}
        pq.write_table(pa.table(columns | typed), path)
    table = read(path, group="by", time="day")
    assert table.to_pydict() == {"text": ["p", "q"], "label": ["x", "y"], "@group": ["a", None], "@time": DAYS}
    tested = local_files.read(source(group="by", time="day"), "test", path)
    assert tested.column_names == ["text", "label", "@group"], "times of a test split decide nothing"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([2019, 2020]), [2019, 2020]),
        (pa.array([0.5, 2.0]), [0.5, 2.0]),
        (pa.array([date(2019, 5, 3)] * 2), DAYS[:1] * 2),
        (pa.array([datetime(2019, 5, 3, 2, tzinfo=UTC)] * 2, pa.timestamp("ms", "Europe/Berlin")),
         [datetime(2019, 5, 3, 2, tzinfo=UTC)] * 2),
    ],
)  # fmt: skip
def test_times_of_typed_columns(tmp_path: Path, values: pa.Array, expected: list) -> None:
    pq.write_table(pa.table({"text": ["p", "q"], "label": ["x", "y"], "day": values}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", time="day")["@time"].to_pylist() == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array(["2019-05-03", "3.5.2019"]), r"a\.parquet: column 'day': row 2 has '3\.5\.2019', which is no time"),
        (pa.array([date(2019, 5, 3), None]), r"a\.parquet: column 'day': row 2 has no time"),
        (pa.array([1.0, float("nan")]), r"column 'day': row 2 has 'nan', which is no time"),
        (pa.array([[1], [2]]), r"column 'day' holds list<.*>, and no times; write ISO dates"),
    ],
)  # fmt: skip
def test_what_is_no_time(tmp_path: Path, values: pa.Array, message: str) -> None:
    pq.write_table(pa.table({"text": ["p", "q"], "label": ["x", "y"], "day": values}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=message):
        read(tmp_path / "a.parquet", time="day")


WHERE = [("bad", "n", "b"), ("good", "p", "a"), ("fine", "x", "b"), ("dull", "n", "a")]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_rows_that_have_a_value(tmp_path: Path, ending: str) -> None:
    """Only they are read, and they keep their numbers in the file."""
    path = tmp_path / f"a.{ending}"
    names = ("text", "label", "of")
    if ending == "csv":
        write(path, delimited([list(names), *map(list, WHERE)]))
    elif ending == "jsonl":
        write(path, "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in WHERE))
    else:
        pq.write_table(pa.table(dict(zip(names, map(list, zip(*WHERE, strict=True)), strict=True))), path)
    kept = read(path, where={"of": "a"}).to_pydict()
    assert kept == {"text": ["good", "dull"], "label": ["p", "n"], "@row": [2, 4]}
    assert read(path, where={"of": "a", "label": "n"})["@row"].to_pylist() == [4]
    assert read(path).to_pydict() == {"text": [row[0] for row in WHERE], "label": [row[1] for row in WHERE]}
    with pytest.raises(UserError, match=r"no rows with of = c; correct `where` of the source \(the train split\)"):
        read(path, where={"of": "c"})
    with pytest.raises(UserError, match="no column 'off'.*the columns are text, label, of"):
        read(path, where={"off": "a"})


def test_a_condition_on_a_list_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "label": ["x"], "of": [["a", "b"]]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="column 'of' holds list<.*>, and `where` needs texts or numbers"):
        read(tmp_path / "a.parquet", where={"of": "a"})


def test_values_that_are_numbers_or_truths(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "label": "x", "year": 2019, "sold": True},
        {"text": "b", "label": "y", "year": 2020, "sold": False},
    ]
    write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for path in (tmp_path / "a.jsonl", tmp_path / "a.parquet"):
        assert read(path, where={"year": 2020})["@row"].to_pylist() == [2]
        assert read(path, where={"sold": True})["@row"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("rows", "given", "message"),
    [
        ([("a", "0.5", "no", ""), ("b", "1", "yes", ""), ("c", "0.5", "yes", "")], {}, "row 3 has 0.5; numbers with a"),
        (
            [("a", "x", "no", "?"), ("b", "x", "yes", "2019"), ("c", "x", "yes", "?")],
            {"time": "day"},
            "row 3 has '\\?'",
        ),
        ([("a", "x", "no", ""), ("b", "[1.5]", "yes", "")], {"multilabel": "json"}, "row 2 has the label 1.5"),
    ],
)
def test_messages_name_rows_of_the_file(tmp_path: Path, rows: list, given: dict, message: str) -> None:
    path = write(tmp_path / "a.csv", delimited([["text", "label", "in", "day"], *map(list, rows)]))
    with pytest.raises(UserError, match=message):
        read(path, where={"in": "yes"}, **given)
