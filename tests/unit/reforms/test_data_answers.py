"""Answers on data: the numbers are those of the cards."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.data.corpus_card import (
    Cleaned,
    ClusterFacts,
    CorpusCard,
    HubOrigin,
    LocalOrigin,
    SourceFile,
    SplitCounts,
    TimeSplit,
)
from bertfit.provenance.study_facts import StudyFacts
from bertfit.reforms import data_answers
from helpers import crated

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def facts(archived: Path, tmp_path: Path) -> StudyFacts:
    return crated.facts(archived, tmp_path / "study")


def with_card(facts: StudyFacts, **changes: object) -> StudyFacts:
    """The study with one corpus, IMDb, of which some facts are others."""
    facts.__dict__["cards"] = {"imdb": facts.cards["imdb"].model_copy(update=changes)}
    return facts


def answer(facts: StudyFacts, number: str) -> str:
    return data_answers.answers(facts)[number].known


def needed(facts: StudyFacts, number: str) -> str:
    return data_answers.answers(facts)[number].needed


def test_numbers_are_those_of_the_cards(facts: StudyFacts) -> None:
    card = facts.cards["imdb"]
    rows = {split: counts.rows for split, counts in card.splits.items()}
    assert f"- IMDb: {rows['train']} train texts, {rows['test']} test texts" in answer(facts, "3e")
    assert card.splits["train"].sha256 in answer(facts, "2a") and card.splits["test"].sha256 in answer(facts, "2a")
    assert "train: negative 12, positive 12; test: negative 15, positive 15" in answer(facts, "3d")
    assert "376 train rows by sampling; 570 test rows by sampling" in answer(facts, "4a")
    assert "0 of 24 train rows (0.00 %)" in answer(facts, "3f") and needed(facts, "3f") == ""
    assert "snakemake --config study=tiny" in answer(facts, "2d")
    assert "devices: X\n" in answer(facts, "2c") and "torch 2" in answer(facts, "2c")
    assert needed(facts, "3a") == needed(facts, "2a") == "", "generated texts have no annotators"


def test_real_corpora_ask_for_more(facts: StudyFacts) -> None:
    hub = with_card(facts, source=HubOrigin(kind="hub", dataset="a/b", revision=COMMIT), sampled=None)
    assert f"<https://huggingface.co/datasets/a/b/tree/{COMMIT}>" in answer(hub, "2a") and needed(hub, "2a") == ""
    assert "who annotated them" in needed(hub, "3a") and "drawn from" in needed(hub, "3b")
    assert "Declared to have the rows that the reproduced paper has: IMDb." in answer(hub, "1b")
    files = {"train": SourceFile(path="x.csv", sha256="ab" * 32)}
    local = with_card(facts, source=LocalOrigin(kind="local", files=files, held_out=0.2, where={"site": "imdb"}))
    assert needed(local, "2a") == "a DOI or address of the local files of IMDb"
    assert "a part held out of the same source" in answer(local, "3a") and "share of 0.2" in answer(local, "3b")
    assert "rows with another site than imdb" in answer(local, "4a")


def test_duplicates_and_what_was_left_out(facts: StudyFacts) -> None:
    clusters = ClusterFacts(
        clusters=9, largest=3, texts=4, near_duplicates=2, near_duplicates_in_train=5, group="author",
        texts_of_train_groups=7,
    )  # fmt: skip
    changed = with_card(facts, test_texts_in_train=3, clusters=clusters, leaks_dropped=2)
    for said in ("in the training split: 3", "near-duplicate there: 5", "training texts: 7", "left out: 2"):
        assert said in answer(changed, "6b")
    assert "9 clusters of test texts" in answer(changed, "3e")
    assert "2 training rows whose text is also in the test split" in answer(changed, "4a")


def test_missing_texts_replacements_and_times(facts: StudyFacts) -> None:
    card: CorpusCard = facts.cards["imdb"]
    counts = SplitCounts(rows=8, classes={"negative": 4, "positive": 4}, empty=1, sha256="ab" * 32)
    changed = with_card(
        facts,
        splits={**card.splits, "test": counts},
        cleaned=[Cleaned(replace="<br>", by=" ", rows={"train": 1})],
        by_time=TimeSplit(column="day", first="2020-01-01"),
    )
    assert "1 of 8 test rows (12.50 %)" in answer(changed, "3f") and "each class of IMDb" in needed(changed, "3f")
    assert r"'\<br>' replaced by ' '" in answer(changed, "4c")
    assert "the last rows in time, from 2020-01-01" in answer(changed, "3b")
