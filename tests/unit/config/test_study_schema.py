"""Fields of a study: mixes that follow from its corpora, and artefacts and encoders that cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.config.study_schema import named_mix
from bertfit.core.errors import UserError
from bertfit.experiments.registry import Registry, open_registry
from conftest import ROOT
from helpers.project import check_mistake, make

ENGLISH = ["imdb", "yelp_p", "yelp_f", "trec", "yahoo", "ag", "dbpedia"]


@pytest.fixture(scope="module")
def paper() -> Registry:
    return open_registry({"study": "paper"}, ROOT)


def test_mixes_of_the_paper(paper: Registry) -> None:
    study = paper.settings.study
    assert {name: mix.corpora for name, mix in study.mixes.items() if not name.endswith("_leak")} == {
        "all": ENGLISH,
        "all_sentiment": ["imdb", "yelp_p", "yelp_f"],
        "all_question": ["trec", "yahoo"],
        "all_topic": ["ag", "dbpedia"],
        "all_zh": ["sogou"],
        "all_topic_zh": ["sogou"],
    }
    assert study.mixes["ag_leak"].text == "train+test" and study.mixes["ag_leak"].corpora == ["ag"]
    assert named_mix(study, "domain", "trec") == "all_question" and named_mix(study, "own", "ag") == "ag"


def test_a_corpus_of_the_user_is_in_the_mix_of_its_domain(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    for study in ("paper", "compact"):
        (tmp_path / f"studies/{study}.yaml").write_text((ROOT / f"studies/{study}.yaml").read_text())
    source = "source: {local: {train: a.csv, test: b.csv}}"
    (tmp_path / "studies/mine.yaml").write_text(
        f"extends: compact\ntitle: Mine\ncorpora:\n  reviews: {{title: R, domain: sentiment, {source}}}\n"
    )
    registry = open_registry({"study": "mine"}, tmp_path)
    assert registry.mix("all_sentiment") == ["imdb", "yelp_p", "yelp_f", "reviews"]
    text = (tmp_path / "studies/mine.yaml").read_text()
    (tmp_path / "studies/mine.yaml").write_text(text.replace("title: R", "title: R, language: auto"))
    found = open_registry({"study": "mine"}, tmp_path)
    assert found.mix("all_auto") == found.mix("all_sentiment_auto") == ["reviews"] != found.mix("all")
    assert named_mix(found.settings.study, "domain", "reviews") == "all_sentiment_auto"
    (tmp_path / "studies/mine.yaml").write_text(text.replace("title: R", "title: R, in_mixes: false"))
    left_out = open_registry({"study": "mine"}, tmp_path)
    assert left_out.mix("all_sentiment") == ["imdb", "yelp_p", "yelp_f"] and "reviews" not in left_out.mix("all")
    assert left_out.mix("reviews") == ["reviews"]


def test_a_cleaning_that_is_no_expression_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    text = (ROOT / "studies/paper.yaml").read_text()
    line = next(number for number, row in enumerate(text.split("\n"), 1) if "clean: &" in row)
    (tmp_path / "studies/paper.yaml").write_text(text.replace('"<[^>]+>"', '"<["'))
    with pytest.raises(UserError, match=rf"paper\.yaml:{line}: .*is not a regular expression"):
        open_registry({"study": "paper"}, tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


MISTAKES = [
    ("config.yaml", "kind: table", "average: {over: x, title: y}\n    kind: table", r"average\.over names 'x'"),
    (
        "studies/miniature.yaml",
        "    mix: general",
        "    mix: general\n    layers: 2",
        r"give `layers`.*in its shape alone",
    ),
    ("config.yaml", "kind: table", "kind: tabel", r"config\.yaml:LINE: .*kind = 'tabel'"),
    (
        "config.yaml",
        "    caption: c\n    columns: {imdb: IMDb, t",
        "    columns: {imdb: IMDb, t",
        r"config.*caption is missing",
    ),
    ("studies/miniature.yaml", "domain: sentiment", "domian: sentiment", r"miniature\.yaml:LINE: .*'domian'.*'domain'"),
    ("studies/miniature.yaml", "positions: 64", "positoins: 64", r"miniature\.yaml:LINE: .*'positoins'.*'positions'"),
    ("studies/miniature.yaml", "trec:\n", "../trec:\n", r"miniature\.yaml:\d+: .*trec"),
    ("config.yaml", "kind: table", "kind: steps", r"miniature\.yaml:\d+: Artefact: .*shows one corpus, columns has 2"),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), MISTAKES)
def test_mistakes_are_named(project: Path, file: str, old: str, new: str, message: str) -> None:
    check_mistake(project, file, old, new, message)
