"""Corpora of texts with several labels, from every format of file, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.corpus_schema import Corpus, Source
from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.data import corpora, corpus_card, label_lists

ROWS = [("a cup", ["tea", "news"]), ("a goal", ["sport"]), ("the rest", []), ("a race", ["sport", "news"])]


def build(folder: Path, files: dict[str, Path], **source: Any) -> dict[str, pa.Table]:
    local = {split: str(path) for split, path in files.items()} | {"multilabel": ";"} | source
    corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})
    paths = {split: folder / f"{split}.parquet" for split in ("train", "test")}
    corpora.build(
        "t", corpus, files=files, sample=None, clusters=folder / "clusters.parquet", card=folder / "card.json", **paths
    )
    return {split: pq.read_table(path) for split, path in paths.items()}


def read(table: pa.Table) -> list[list[str]]:
    """The labels of each row."""
    names, sets = json.loads(table.schema.metadata[b"label_names"]), label_sets.read(table.schema.metadata)
    return [[names[number] for number in sets[label]] for label in table["label"].to_pylist()]


def written(path: Path, rows: list[tuple[str, list[Any]]]) -> Path:
    if path.suffix == ".csv":
        lines = [f"{text},{' ; '.join(map(str, labels))}" for text, labels in rows]
        path.write_text("\n".join(["text,label", *lines]) + "\n")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"text": text, "label": labels}) + "\n" for text, labels in rows))
    else:
        pq.write_table(pa.table({"text": [text for text, _ in rows], "label": [labels for _, labels in rows]}), path)
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_format_is_read(tmp_path, kind):
    test = [("a match", ["news", "tea", "sport"]), ("nothing", [])]
    files = {"train": written(tmp_path / f"in.{kind}", ROWS), "test": written(tmp_path / f"of.{kind}", test)}
    tables = build(tmp_path, files)
    assert read(tables["train"]) == [["news", "tea"], ["sport"], [], ["news", "sport"]]
    assert read(tables["test"]) == [["news", "sport", "tea"], []]  # a set that training lacks, of labels that it has
    assert tables["train"].schema.metadata[b"label_sets"] == tables["test"].schema.metadata[b"label_sets"]
    card = corpus_card.read(tmp_path / "card.json")
    assert card.label_names == ["news", "sport", "tea"] and card.label_sets == 5
    assert card.splits["train"].classes == {"news": 2, "sport": 2, "tea": 1} and card.splits["train"].no_label == 1


def test_numbers_and_json_cells_are_labels_too(tmp_path):
    numbered = [(text, [10 * len(label) for label in labels]) for text, labels in ROWS]  # tea 30, news 40, sport 50
    files = {split: written(tmp_path / f"{split}.jsonl", numbered) for split in ("train", "test")}
    assert read(build(tmp_path, files)["train"])[0] == ["30", "40"]
    table = pa.table({"text": [text for text, _ in ROWS], "label": [json.dumps(labels) for _, labels in ROWS]})
    for path in (files := {split: tmp_path / f"{split}.in.parquet" for split in ("train", "test")}).values():
        pq.write_table(table, path)
    assert read(build(tmp_path, files, multilabel="json")["train"])[3] == ["news", "sport"]


def test_given_names_keep_their_order_and_number_from_the_first(tmp_path):
    files = {split: written(tmp_path / f"{split}.csv", ROWS) for split in ("train", "test")}
    tables = build(tmp_path, files, label_names=["tea", "sport", "news"])
    assert read(tables["train"])[0] == ["tea", "news"]
    numbered = [(text, [{"tea": 1, "sport": 2, "news": 3}[label] for label in labels]) for text, labels in ROWS]
    files = {split: written(tmp_path / f"{split}.csv", numbered) for split in ("train", "test")}
    tables = build(tmp_path, files, label_names=["tea", "sport", "news"], first_label=1)
    assert read(tables["train"])[0] == ["tea", "news"]


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([("x", ["one", "two"])], [("y", ["three"])], "row 1 has the label 'three'; the classes are one, two"),
        ([("x", ["one"]), ("z", [])], [("y", ["one"])], "one class only"),
        ([("x", []), ("z", [])], [("y", [])], "no row has a label"),
        ([("x", ["a"]), ("z", ["b", "Pos"]), ("v", ["pos"])], [("y", ["a"])], "'Pos' (row 2) and 'pos' (row 3) look"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_refused(tmp_path, train, test, message):
    files = {"train": written(tmp_path / "train.csv", train), "test": written(tmp_path / "test.csv", test)}
    with pytest.raises(UserError) as caught:
        build(tmp_path, files)
    assert message in str(caught.value)


def test_cells_that_are_no_lists_are_refused():
    for cells, separator, message in (
        (["[1", "x"], "json", "f: row 1 has labels that are no JSON list"),
        ([["a"], [["b"]]], ";", r"f: row 2 has the label \['b'\]; write labels as texts"),
        ([[1.5]], ";", "f: row 1 has the label 1.5; write labels"),
        ([["\ud800"]], ";", "f: row 1 has the label"),
    ):
        with pytest.raises(UserError, match=message):
            label_lists.parse(cells, separator, "f")
    assert label_lists.parse([" a; b ;;a", None, 3, 2.0, float("nan"), ""], ";", "f").to_pylist() == [
        ["a", "b"], [], ["3"], ["2"], [], []
    ]  # fmt: skip
    with pytest.raises(ValueError, match="leave out `multilabel`"):
        Source.model_validate({"local": {"train": "x", "multilabel": ";", "format": "trec"}})


def test_a_held_out_split_has_every_label_in_training(tmp_path):
    draw = np.random.default_rng(3)
    names = [f"l{number}" for number in range(6)]
    rows = [
        (f"text {n}", [name for at, name in enumerate(names) if draw.random() < 0.4 / (1 + at)]) for n in range(300)
    ]
    rows += [("a rare one", ["l0", "rare"]), ("another", ["rare"])]
    tables = build(tmp_path, {"train": written(tmp_path / "all.csv", rows)})
    found = {split: read(table) for split, table in tables.items()}
    assert len(found["test"]) == 60 and len(found["train"]) == 242
    assert {label for labels in found["test"] for label in labels} <= {label for of in found["train"] for label in of}
    for name in names[:3]:
        shares = [np.mean([name in labels for labels in found[split]]) for split in ("train", "test")]
        assert abs(shares[0] - shares[1]) < 0.06
