"""Corpora and texts as they are declared: which source is used, its own layout, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertfit.config.corpus_schema import Corpus, Source, Text
from helpers import made_package

LOCAL = {"train": "a.csv", "test": "b.csv"}
PACKAGE = {"package": "made_reviews", "requirement": "made-reviews==1.0", "train": "data/reviews.csv"}
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


def test_an_installed_package_comes_after_files_and_before_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [source(package=PACKAGE), source(local=LOCAL, package=PACKAGE, hub=HUB)]
    assert [each.pick(tmp_path) for each in sources] == [None, "hub"]
    assert sources[0].files(None) == {}
    made = made_package.install(tmp_path / "site", monkeypatch)
    assert [each.pick(tmp_path) for each in sources] == ["package", "package"]
    assert sources[0].files(tmp_path) == {"train": made / "data/reviews.csv"}, "whatever the data folder is"
    for name in LOCAL.values():
        (tmp_path / name).touch()
    assert sources[1].pick(tmp_path) == "local"
    assert source(part_of={"corpus": "other"}, package=PACKAGE).pick(None) == "part_of"


def test_why_no_source_can_be_read() -> None:
    files = "its files are not in the data folder (--config data=FOLDER or BERTFIT_DATA)"
    package = "the package made-reviews is not installed (pip install --no-deps made-reviews==1.0)"
    assert source(local=LOCAL).reason == files
    assert source(package=PACKAGE).reason == package
    assert source(local=LOCAL, package=PACKAGE).reason == f"{files}, and {package}"
    assert source(package=PACKAGE, unavailable="run make reviews").reason == "run make reviews"


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
        ({}, "give at least one of synthetic, part_of, local, package, hub, unavailable"),
        ({"local": LOCAL | {"label": "text"}}, "the column of the label: it would be read as a text"),
        ({"local": LOCAL | {"label_names": ["x", "x"]}}, "label_names are different texts"),
        ({"hub": HUB | {"revision": "main"}}, "revision"),
        ({"local": {"train": "a.csv", "held_out": 1}}, "held_out"),
        ({"local": LOCAL | {"format": "zhang", "where": {"a": 1}}}, "zhang have no names of columns for `where`"),
        ({"package": PACKAGE | {"label": "text"}}, "the column of the label: it would be read as a text"),
        ({"package": PACKAGE | {"train": "../a.csv"}}, "../a.csv is not a path inside the package"),
        ({"package": PACKAGE | {"test": "/etc/a.csv"}}, "/etc/a.csv is not a path inside the package"),
        ({"package": PACKAGE | {"package": "made.data"}}, "package"),
        ({"package": PACKAGE | {"requirement": "made-reviews"}}, "requirement"),
        ({"package": PACKAGE | {"requirement": "--index-url==x"}}, "requirement"),
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
