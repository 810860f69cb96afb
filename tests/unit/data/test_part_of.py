"""A part of the training split of another corpus: validation data for the choice of a classifier."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bertfit.config.corpus_schema import Corpus, PartSource
from bertfit.core.errors import UserError
from bertfit.data import corpora, corpus_card, part_of

FILES = ("train", "test", "clusters", "card")


def build(folder: Path, source: dict, files: dict[str, Path], rows: str | None = None) -> Path:
    folder.mkdir()
    if rows is not None:
        files["train"].write_text(rows)
    corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": source})
    endings = {name: "json" if name == "card" else "parquet" for name in FILES}
    paths = {name: folder / f"{name}.{ending}" for name, ending in endings.items()}
    corpora.build(folder.name, corpus, files=files, sample=None, **paths)
    return folder


def whole(tmp_path: Path, header: str = "text,label", more: str = "", **source: object) -> Path:
    rows = "".join(f"a text number {n},{'ab'[n % 2]}{more.format(n=n)}\n" for n in range(60))
    path = tmp_path / "file.csv"
    local = {"local": {"train": "file.csv", "licence": "yours", **source}}
    return build(tmp_path / "texts", local, {"train": path}, f"{header}\n{rows}")


def test_it_divides_the_training_split_and_leaves_the_test_split_alone(tmp_path: Path) -> None:
    texts = whole(tmp_path)
    part = build(
        tmp_path / "selection", {"part_of": {"corpus": "texts", "held_out": 0.25}}, {"train": texts / "train.parquet"}
    )
    rows = {split: pq.read_table(part / f"{split}.parquet") for split in ("train", "test")}
    trained = pq.read_table(texts / "train.parquet")["text"].to_pylist()
    both = [*rows["train"]["text"].to_pylist(), *rows["test"]["text"].to_pylist()]
    assert sorted(both) == sorted(trained) and rows["test"].num_rows == 12
    assert rows["test"]["label"].to_pylist().count(0) == 6, "by class"
    assert json.loads(rows["test"].schema.metadata[b"label_names"]) == ["a", "b"]
    card = corpus_card.read(part / "card.json")
    assert card.source.model_dump() == {"kind": "part_of", "corpus": "texts", "held_out": 0.25}


def test_groups_and_times_are_honoured(tmp_path: Path) -> None:
    texts = whole(tmp_path, "text,label,user", ",u{n}", group="user")
    part = part_of.read(PartSource(corpus="texts", held_out=0.2), {"train": texts / "train.parquet"})
    users = {split: set(table["@group"].to_pylist()) for split, table in part.items()}
    assert not users["train"] & users["test"] and users["test"]


def test_times_are_honoured(tmp_path: Path) -> None:
    texts = whole(tmp_path, "text,label,day", ",{n}", time="day")
    part = part_of.read(PartSource(corpus="texts", held_out=0.25), {"train": texts / "train.parquet"})
    times = {split: table["@time"].to_pylist() for split, table in part.items()}
    assert max(times["train"]) < min(times["test"]) and len(times["test"]) == 12


def test_what_is_no_training_split(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    path.write_text("no parquet")
    with pytest.raises(UserError, match=r"train\.parquet: not a complete Parquet file"):
        part_of.read(PartSource(corpus="texts"), {"train": path})
