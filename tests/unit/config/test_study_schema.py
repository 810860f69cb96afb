"""Mixes that follow from the corpora of a study, and what becomes of them where corpora are missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bertfit.config import references
from bertfit.config.study_schema import named_mix
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT

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


def test_missing_corpora_are_noted_and_the_same_text_is_one_encoder(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    (tmp_path / "studies/miniature.yaml").write_text((ROOT / "studies/miniature.yaml").read_text())
    gone = (
        "yelp_p: {source: {synthetic: null, unavailable: lost}}, yelp_f: {source: {synthetic: null, unavailable: lost}}"
    )
    texts = "[general, imdb, trec, yahoo, ag, dbpedia, sogou]"
    (tmp_path / "studies/less.yaml").write_text(
        f"extends: miniature\ncorpora: {{{gone}}}\nvocabularies: {{mini: {{texts: {texts}}}}}\n"
    )
    registry = open_registry({"study": "less"}, tmp_path)
    cells = {(cell.row, cell.corpus): cell for cell in registry.cells["table6"]}
    assert cells["BERT-IDPT-FiT", "imdb"].run_group == RunGroup("imdb", "mini~imdb@200.s1", "layer_decay=0.95")
    everything = cells["BERT-CDPT-FiT", "imdb"]
    assert everything.note == "pre-training without yelp_p, yelp_f, not available"
    assert registry.cells["table7"][4].note == "multi-task fine-tuning without yelp_p, not available"
    spec = TrainingJobs(registry).pretrain_spec("mini~all@200.s1")
    assert spec.texts == [f"{name}.train.txt" for name in ("imdb", "trec", "yahoo", "ag", "dbpedia")]


def test_the_order_of_texts_is_a_value(paper: Registry) -> None:
    """Snakemake compares the inputs of a job as a set, and documents are shuffled from their order."""
    spec = TrainingJobs(paper).instance_spec("all_question")
    assert spec.texts == ["trec.train.txt", "yahoo.train.txt"] and spec.creation.dupe == 5
    assert TrainingJobs(paper).instance_spec("imdb_leak").texts == ["imdb.train.txt", "imdb.test.txt"]
    assert TrainingJobs(paper).instance_spec("wikipedia-held-out").creation.dupe == 1


def test_exactly_the_names_of_rules_are_reserved() -> None:
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")])
    rules = set(re.findall(r"^ *rule (\w+):", text, re.M)) | set(
        re.findall(r"^use rule \w+ as (\w+) with:", text, re.M)
    )
    (targets,) = re.findall(r"for name, file in (\{.*\})\.items", text)
    assert rules | ast.literal_eval(targets).keys() == references.RESERVED_TARGETS, (
        "no artefact may be called like a rule"
    )
    assert re.findall(r'f"(\w+){number}"', text) == [references.RESERVED_PREFIX]
