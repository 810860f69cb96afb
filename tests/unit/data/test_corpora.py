"""Normalised corpora: classes, checks, samples, digests and cards, by value."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bertfit
from bertfit.config.corpus_schema import Corpus
from bertfit.core.errors import UserError
from bertfit.data import corpora, hub, splits
from bertfit.data.corpus_card import digest
from bertfit.synthetic import generated_texts

TRAIN = "text,label\ngood film,pos\nbad film,neg\ngood film,pos\ndull,neg\n"
TEST = "text,label\nbad film,neg\nfine,pos\n"


def corpus(source: dict[str, Any], **given: Any) -> Corpus:
    return Corpus.model_validate({"title": "Films", "domain": "sentiment", "source": source} | given)


class Bench:
    """A data folder and a place for the results."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.out = folder / "out"
        self.data.mkdir()

    def build(self, train: str, test: str, sample: dict[str, int] | None = None, **source: Any) -> dict[str, Any]:
        """Build from two CSV files; the card."""
        for split, content in (("train", train), ("test", test)):
            (self.data / f"{split}.csv").write_text(content)
        return self.run(corpus({"local": {"train": "train.csv", "test": "test.csv"} | source}), sample)

    def run(self, corpus: Corpus, sample: dict[str, int] | None = None, data: bool = True) -> dict[str, Any]:
        """Build; the card."""
        made = {name: self.out / f"{name}.parquet" for name in ("train", "test", "clusters")}
        card = self.out / "card.json"
        files = corpus.source.files(self.data if data else None)
        corpora.build("films", corpus, files=files, sample=sample, **made, card=card)
        return json.loads(card.read_text())

    def rows(self, split: str = "train") -> dict[str, list[Any]]:
        return pq.read_table(self.out / f"{split}.parquet").to_pydict()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["Das Essen war kalt und der Kellner grob", "Ein schöner kleiner Laden für alle"], "de"),
        (["股市上涨，投资者高兴", "湖人队获得了总冠军"], "zh"),
        (["😀😀", "👎"], "undetermined"),
    ],
)
def test_the_card_has_the_language_that_was_found(bench: Bench, texts: list[str], found: str) -> None:
    rows = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in zip(texts, "ab", strict=True))
    source = {"local": {"train": "train.csv", "test": "test.csv"}}
    for split in ("train", "test"):
        (bench.data / f"{split}.csv").write_text(rows)
    assert bench.run(corpus(source, language="auto"))["language"] == found
    assert bench.run(corpus(source, language="zh"))["language"] == "zh"
    assert bench.run(corpus(source))["language"] == "en"


def test_normalised_files_and_card(bench: Bench) -> None:
    card = bench.build(TRAIN, TEST, rows={"train": 4, "test": 2}, licence="CC0")
    table = pq.read_table(bench.out / "train.parquet")
    assert table.to_pydict() == {"text": ["good film", "bad film", "good film", "dull"], "label": [1, 0, 1, 0]}
    assert [str(field.type) for field in table.schema] == ["string", "int32"]
    assert table.schema.metadata == {b"label_names": b'["neg", "pos"]', b"fields": b'["text"]'}
    digests = {split: card["splits"][split].pop("sha256") for split in ("train", "test")}
    assert digests["train"] == digest(table)
    content = {split: hashlib.sha256(text.encode()).hexdigest() for split, text in (("train", TRAIN), ("test", TEST))}
    files = {split: {"path": f"{split}.csv", "sha256": value} for split, value in content.items()}
    clusters = {"clusters": 2, "largest": 1, "texts": 0, "near_duplicates": 0, "near_duplicates_in_train": 1}
    assert card == {
        "corpus": "films",
        "versions": {"bertfit": bertfit.__version__},
        "title": "Films",
        "domain": "sentiment",
        "language": "en",
        "note": None,
        "licence": "CC0",
        "source": {"kind": "local", "files": files},
        "sampled": None,
        "fields": ["text"],
        "label_names": ["neg", "pos"],
        "splits": {
            "train": {"rows": 4, "classes": {"neg": 2, "pos": 2}, "empty": 0},
            "test": {"rows": 2, "classes": {"neg": 1, "pos": 1}, "empty": 0},
        },
        "duplicates_in_train": 1,
        "test_texts_in_train": 1,
        "texts_of_several_labels": 0,
        "leaks_dropped": None,
        "clusters": clusters | {"group": None, "texts_of_train_groups": None},
    }


@pytest.mark.parametrize(
    ("labels", "given", "names", "wanted"),
    [
        (["b", "a", "b"], {}, ["a", "b"], [1, 0, 1]),
        (["10", "9", "10"], {}, ["9", "10"], [1, 0, 1]),
        (["b", "a", "b"], {"label_names": ["b", "a"]}, ["b", "a"], [0, 1, 0]),
        (["1", "0", "1"], {"label_names": ["no", "yes"]}, ["no", "yes"], [1, 0, 1]),
        (["1", "2", "1"], {"label_names": ["no", "yes"], "first_label": 1}, ["no", "yes"], [0, 1, 0]),
        (["2", "1", "2"], {"label_names": ["2", "1"], "first_label": 1}, ["2", "1"], [0, 1, 0]),
    ],
)
def test_classes_of_a_csv(
    bench: Bench, labels: list[str], given: dict[str, Any], names: list[str], wanted: list[int]
) -> None:
    lines = "text,label\n" + "".join(f"t{at},{label}\n" for at, label in enumerate(labels))
    assert bench.build(lines, lines, **given)["label_names"] == names
    assert bench.rows()["label"] == bench.rows("test")["label"] == wanted


@pytest.mark.parametrize(
    ("declared", "given", "wanted"),
    [
        (["a", "b", "c"], None, [0, 2, 1]),
        (["a", "b", "c"], ["c", "b", "a"], [2, 0, 1]),  # the same names: by name
        (["1", "2", "3"], ["x", "y", "z"], [0, 2, 1]),  # other names: by position, and never "1" for the number 1
    ],
)
def test_classes_of_parquet(bench: Bench, declared: list[str], given: list[str] | None, wanted: list[int]) -> None:
    table = pa.table({"text": ["p", "q", "r"], "label": pa.array([0, 2, 1], pa.int32())})
    table = table.replace_schema_metadata({"label_names": json.dumps(declared)})
    for split in ("train", "test"):
        pq.write_table(table, bench.data / f"{split}.parquet")
    local = {"train": "train.parquet", "test": "test.parquet", "label_names": given}
    assert bench.run(corpus({"local": local}))["label_names"] == (given or declared)
    assert bench.rows()["label"] == wanted


def test_zhang_counts_from_one(bench: Bench) -> None:
    lines = '"2","T","say ""hi"""\n"1","","b"\n'
    layout = {"fields": ["title", "body"], "text": {"fields": ["title", "body"], "separator": " - "}}
    columns = {"title": 1, "body": 2}
    bench.build(lines, lines, format="zhang", columns=columns, label=0, label_names=["x", "y"], layout=layout)
    assert bench.rows() == {"title": ["T", ""], "body": ['say "hi"', "b"], "label": [1, 0]}


BAD: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "rows": (TRAIN, TEST, {"rows": {"train": 5, "test": 2}}, "train.csv: 4 rows where 5 are expected"),
    "missing": (TRAIN + "x,\n", TEST, {}, "train.csv: row 5 has no label"),
    "unknown": (TRAIN, TEST + "x,poz\n", {}, "test.csv: row 3 has the label 'poz'; did you mean 'pos'?"),
    "number": ("text,label\na,0\nb,3\n", TEST, {"label_names": ["n", "y"]}, "row 2 has the label '3'"),
    "zero": ("text,label\na,0\nb,1\n", TEST, {"label_names": ["n", "y"], "first_label": 1}, "row 1 has the label '0'"),
    "one": ("text,label\na,x\nb,x\n", "text,label\na,x\n", {}, "train.csv: one class only ('x')"),
    "unseen": (
        "text,label\na,x\nb,y\n",
        "text,label\na,z\n",
        {"label_names": ["x", "y", "z"]},
        "test.csv: class 'z' is not in the training split",
    ),
    "empty": (TRAIN, TEST + '" ",neg\n', {}, "test.csv: row 3 has no text"),
    "field": (TRAIN, TEST, {"columns": {"body": "text"}}, "no column is named for field 'text'"),
    "classes": (TRAIN, TEST, {"classes": 3}, "train.csv: 2 classes (neg, pos) where 3 are expected"),
    "sample": (TRAIN, TEST, {"sample": {"train": 1}}, "sample.train = 1: 1 rows cannot hold 2 classes"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_corpora_are_refused(bench: Bench, name: str) -> None:
    train, test, given, message = BAD[name]
    with pytest.raises(UserError) as caught:
        bench.build(train, test, **given)
    assert message in str(caught.value)
    assert not bench.out.exists()


def test_official_formats_may_have_empty_texts(bench: Bench) -> None:
    card = bench.build('"1",""\n"2","b"\n', '"2","c"\n', format="zhang", columns={"text": 1}, label=0)
    assert card["splits"]["train"]["empty"] == 1


def test_where_a_corpus_comes_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def read(source: Any, split: str) -> pa.Table:
        asked.append(f"{source.dataset} {split}")
        table = pa.table({"title": ["a", "b"], "label": pa.array([0, 1])})
        return table.replace_schema_metadata({"label_names": '["n", "y"]'})

    monkeypatch.setattr(hub, "read", read)
    layout = {"fields": ["title"], "text": {"fields": ["title"]}}
    remote = {"dataset": "org/films", "revision": "a" * 40, "title": "Films (hub)", "layout": layout}
    local = {"train": "train.csv", "test": "test.csv", "rows": {"train": 4, "test": 2}}
    both = corpus({"local": local, "hub": remote}, rows={"train": 2, "test": 2})

    card = bench.run(both)  # its files are not in the data folder
    assert asked == ["org/films train", "org/films test"]
    assert (card["title"], card["fields"], card["source"]) == (
        "Films (hub)",
        ["title"],
        {"kind": "hub", "dataset": "org/films", "config": None, "revision": "a" * 40, "data_files": None},
    )
    (bench.data / "train.csv").write_text(TRAIN)
    (bench.data / "test.csv").write_text(TEST)
    card = bench.run(both)
    assert (card["title"], card["fields"], card["source"]["kind"], len(asked)) == ("Films", ["text"], "local", 2)
    assert bench.run(both, data=False)["source"]["kind"] == "hub"
    absolute = {"train": str(bench.data / "train.csv"), "test": str(bench.data / "test.csv")}
    assert bench.run(corpus({"local": absolute, "hub": remote}), data=False)["source"]["kind"] == "local"
    bench.run(corpus({"hub": remote}, rows={"train": 2, "test": 2}))
    with pytest.raises(UserError, match=r"org/films \(test\): 2 rows where 3 are expected"):
        bench.run(corpus({"hub": remote}, rows={"train": 2, "test": 3}))

    with pytest.raises(UserError, match="corpus 'films' is not available: lost at sea"):
        bench.run(corpus({"unavailable": "lost at sea"}))
    with pytest.raises(UserError, match="need a data folder; give one with --config data=FOLDER"):
        bench.run(corpus({"local": local}), data=False)
    with pytest.raises(UserError, match=r"no file .*nope\.csv; check"):
        bench.run(corpus({"local": local | {"train": "nope.csv"}}))


def test_world(bench: Bench) -> None:
    sizes = generated_texts.CORPORA["trec"].rows
    card = bench.run(corpus({"synthetic": {"corpus": "trec", "seed": 3}}, domain="question", rows=sizes))
    assert {split: card["splits"][split]["rows"] for split in sizes} == sizes
    assert card["source"] == {"kind": "synthetic", "corpus": "trec", "seed": 3}
    rows = generated_texts.read("trec", "test", 3)
    assert bench.rows("test") == {"text": rows["text"].tolist(), "label": rows["label"].tolist()}
    assert card["label_names"] == generated_texts.label_names("trec")


LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=200)


@given(LABELS, st.integers(1, 250), st.integers(0, 9))
def test_a_sample_keeps_order_classes_and_shares(labels: list[int], rows: int, seed: int) -> None:
    array = np.array(labels)
    classes = set(labels)
    if rows < len(classes):
        with pytest.raises(ValueError, match="cannot hold"):
            splits.stratified(array, rows, [seed])
        return
    kept = splits.stratified(array, rows, [seed])
    assert len(kept) == min(rows, len(labels))
    assert (np.diff(kept) > 0).all()
    assert set(array[kept]) == classes
    assert (kept == splits.stratified(array, rows, [seed])).all()
    for label in classes:  # one each, and of the rest its share, rounded
        exact = (rows - len(classes)) * (labels.count(label) - 1) / max(1, len(labels) - len(classes))
        assert abs(min(exact, labels.count(label) - 1) + 1 - (array[kept] == label).sum()) < 1


def test_samples_are_nested_and_differ_by_seed_and_split(bench: Bench) -> None:
    labels = np.repeat([0, 1], [300, 100])
    small, large = (splits.stratified(labels, rows, [7]) for rows in (40, 120))
    assert set(small) < set(large)
    assert np.bincount(labels[large]).tolist() == [90, 30]
    assert set(splits.stratified(labels, 40, [8])) != set(small)
    lines = "text,label\n" + "".join(f"t{at},{'ab'[at % 2]}\n" for at in range(100))
    card = bench.build(lines, lines, sample={"train": 20, "test": 20})
    assert card["sampled"] == {"train": {"kept": 20, "of": 100}, "test": {"kept": 20, "of": 100}}
    assert card["splits"]["train"]["classes"] == {"a": 10, "b": 10}
    assert bench.rows("train") != bench.rows("test")
    numbers = [int(text[1:]) for text in bench.rows()["text"]]
    assert numbers == sorted(numbers)
    assert [number % 2 for number in numbers] == bench.rows()["label"]
    assert bench.build(lines, lines, sample={"train": 200})["sampled"] is None


def test_real_corpora(bench: Bench, shared: Path) -> None:
    bench.data = shared / "corpora"
    trec = bench.run(corpus({"local": {"train": "raw/trec/train_5500.label", "test": "raw/trec/TREC_10.label"}}))
    assert trec["label_names"] == ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]
    assert list(trec["splits"]["train"]["classes"].values()) == [86, 1162, 1250, 1223, 835, 896]
    assert (trec["duplicates_in_train"], trec["test_texts_in_train"]) == (71, 10)
    names = ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"]
    local = {"train": "trec/train.parquet", "test": "trec/test.parquet", "label_names": sorted(names)}
    again = bench.run(corpus({"local": local}))
    assert again["splits"]["test"] == trec["splits"]["test"]  # the same rows, from another format and class order
    imdb = bench.run(corpus({"local": {"train": "imdb/train.parquet", "test": "imdb/test.parquet"}}))
    assert imdb["splits"]["test"]["classes"] == {"neg": 12500, "pos": 12500}
    assert (imdb["duplicates_in_train"], imdb["test_texts_in_train"]) == (96, 123)
