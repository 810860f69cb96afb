"""Corpora and texts as they are declared: which source is used, its own layout, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertfit.config.corpus_schema import Corpus, Layout, Source
from bertfit.config.text_schema import Text

LOCAL = {"train": "a.csv", "test": "b.csv"}
HUB = {"dataset": "org/films", "revision": "a" * 40}


def source(**given: Any) -> Source:
    return Source.model_validate(given)


def test_the_synthetic_source_comes_first_then_files_then_the_hub(tmp_path: Path) -> None:
    both = source(local=LOCAL, hub=HUB)
    assert (both.pick(tmp_path), source(local=LOCAL).pick(tmp_path)) == ("hub", None)
    (tmp_path / "a.csv").touch()
    assert both.pick(tmp_path) == "hub", "one of two files is none"
    (tmp_path / "b.csv").touch()
    assert (both.pick(tmp_path), both.pick(None)) == ("local", "hub")
    assert source(synthetic={"corpus": "imdb"}, local=LOCAL).pick(tmp_path) == "synthetic"
    assert source(unavailable="lost").pick(tmp_path) is None


def test_files_are_below_the_data_folder_or_absolute(tmp_path: Path) -> None:
    mixed = source(local={"train": "a.csv", "test": str(tmp_path / "b.csv")})
    assert mixed.files(Path("data")) == {"train": Path("data/a.csv"), "test": tmp_path / "b.csv"}
    assert mixed.files(None) == {"test": tmp_path / "b.csv"}
    assert source(hub=HUB).files(Path("data")) == {}
    assert source(local={"train": "a.csv"}).files(Path("d")) == {"train": Path("d/a.csv")}, "its test split is held out"


def test_a_copy_brings_its_title_rows_and_layout() -> None:
    layout = {"fields": ["title"], "text": {"fields": ["title"]}, "lines": ["title"]}
    hub = HUB | {"title": "Films (hub)", "rows": {"train": 2, "test": 1}, "layout": layout}
    corpus = Corpus.model_validate(
        {"title": "Films", "domain": "topic", "note": "n", "classes": 3, "source": {"local": LOCAL, "hub": hub}}
    )
    copy = corpus.of("hub")
    assert (copy.title, copy.note, copy.classes, copy.rows) == ("Films (hub)", "n", 3, {"train": 2, "test": 1})
    assert (copy.fields, copy.lines, copy.source.local) == (["title"], ["title"], None)
    local = corpus.of("local")
    assert (local.title, local.rows, local.fields, local.source.hub) == ("Films", None, ["text"], None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fields": ["label"]}, "none is called label"),
        ({"fields": ["@time"]}, "or begins with @"),
        ({"fields": ["a", "a"], "text": {"fields": ["a"]}}, "fields have different names"),
        ({"fields": ["a"]}, "name the field 'text'; fields are a"),
        ({"pair": {"fields": ["b"]}}, "name the field 'b'; fields are text"),
        ({"lines": ["title"]}, "name the field 'title'"),
    ],
)
def test_fields_are_declared(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout.model_validate(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give at least one of synthetic, part_of, local, package, hub, unavailable"),
        ({"local": LOCAL | {"label": "text"}}, "the column of the label: it would be read as a text"),
        ({"local": LOCAL | {"label_names": ["x", "x"]}}, "label_names are different texts"),
        ({"hub": HUB | {"revision": "main"}}, "revision"),
        ({"local": {"train": "a.csv", "held_out": 1}}, "held_out"),
    ],
)
def test_a_source_that_cannot_be_meant(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        source(**given)


@pytest.mark.parametrize("given", [{}, {"path": "a.txt", "hub": HUB}, {"column": "text"}])
def test_a_text_has_one_source(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give one of synthetic, hub, or files"):
        Text.model_validate(given)
    assert Text(test="held-out.txt").path is None
