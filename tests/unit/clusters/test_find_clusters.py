"""Clusters of test texts: of a declared group, of near-duplicates, of both; what the card and the log say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.clusters import find_clusters, near_duplicates
from bertfit.clusters.cluster_file import read_clusters
from bertfit.config.corpus_schema import Corpus
from bertfit.core.errors import UserError
from bertfit.data import corpora, local_files

ARTICLE = "officials said on monday that the new bridge over the river will open to traffic before the end of this year"


class Bench:
    """A folder of files, and of the corpus that is built of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def build(self, train: dict[str, list], test: dict[str, list] | None = None, **source: Any) -> dict[str, Any]:
        """Build from columns; the entry ``clusters`` of the card."""
        files = {"train": train} | ({"test": test} if test else {})
        for split, columns in files.items():
            pq.write_table(pa.table(columns), self.folder / f"raw.{split}.parquet")
        local = {split: f"raw.{split}.parquet" for split in files} | source
        corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})
        out = {name: self.folder / f"{name}.parquet" for name in ("train", "test", "clusters")}
        card = self.folder / "card.json"
        corpora.build("t", corpus, files=corpus.source.files(self.folder), sample=None, **out, card=card)
        return json.loads(card.read_text())["clusters"]

    @property
    def clusters(self) -> list[int]:
        return read_clusters(self.folder / "clusters.parquet").tolist()

    def rows(self, split: str) -> dict[str, list]:
        return pq.read_table(self.folder / f"{split}.parquet").to_pydict()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def columns(texts: list[str], **more: list) -> dict[str, list]:
    return {"text": texts, "label": [number % 2 for number in range(len(texts))], **more}


def words(seed: int) -> str:
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(1000, size=30))


def test_near_duplicates_of_a_test_split(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    test = columns([ARTICLE, words(1), f"Update: {ARTICLE}", words(2), ARTICLE.upper() + "!", words(1)])
    card = bench.build(columns([words(3), words(4)]), test)
    assert bench.clusters == [0, 1, 0, 2, 0, 1]
    assert card == {
        "clusters": 3,
        "largest": 3,
        "texts": 5,
        "near_duplicates": 5,
        "near_duplicates_in_train": 0,
        "group": None,
        "texts_of_train_groups": None,
    }
    assert not caplog.messages


def test_near_duplicates_in_the_training_split_are_counted_and_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    card = bench.build(columns([ARTICLE, words(4)]), columns([f"{ARTICLE} (reuters)", words(1), words(2)]))
    assert (card["near_duplicates_in_train"], bench.clusters) == (1, [0, 1, 2])
    assert "1 of 3 test texts have a near-duplicate in the training split" in caplog.text


def test_groups_and_near_duplicates_together(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Rows 0 and 3 are of one author, rows 3 and 4 near-duplicates; a row without author is alone."""
    test = columns(
        [words(1), words(2), words(3), ARTICLE, f"{ARTICLE} again", words(5)], author=["a", None, " ", "a ", "b", "c"]
    )
    card = bench.build(columns([words(6), words(7)], author=["c", None]), test, group="author")
    assert bench.clusters == [0, 1, 2, 0, 0, 3]
    assert (card["group"], card["clusters"], card["largest"], card["texts"]) == ("author", 4, 3, 3)
    assert (card["near_duplicates"], card["texts_of_train_groups"]) == (2, 1)
    assert "1 of 6 test texts are of a group that has training texts" in caplog.text
    assert bench.rows("test").keys() == {"text", "label"}
    assert bench.rows("train")[local_files.GROUP] == ["c", None], "for a validation set of whole groups"


def test_a_group_column_changes_no_split_that_is_given(bench: Bench) -> None:
    train, test = columns([words(1), words(2)], author=[1, 2]), columns([words(3), words(4)], author=[3, 4])
    bench.build(train, test)
    before = [bench.rows(split) for split in ("train", "test")]
    bench.build(train, test, group="author")
    assert [bench.rows(split) for split in ("train", "test")] == [before[0] | {"@group": ["1", "2"]}, before[1]]


@pytest.mark.parametrize(("groups", "share"), [(12, 0.2), (60, 0.3), (300, 0.5)])
def test_held_out_groups_are_whole_and_near_the_share_of_each_class(bench: Bench, groups: int, share: float) -> None:
    draw = np.random.default_rng(groups)
    group = np.sort(draw.integers(groups, size=600))
    texts = [f"{number} {words(number)}" for number in range(600)]
    label = (draw.random(600) < 0.3 + 0.4 * (group % 2)).astype(int)  # classes differ between groups
    rows = {"text": texts, "label": label.tolist(), "author": [f"author {number}" for number in group]}
    made = []
    for _ in range(2):
        card = bench.build(rows, group="author", held_out=share)
        made.append((bench.rows("train"), bench.rows("test")))
    assert made[0] == made[1], "the same every time"
    train, test = made[0]
    author = dict(zip(texts, group.tolist(), strict=True))
    assert not {author[text] for text in train["text"]} & {author[text] for text in test["text"]}
    assert card["texts_of_train_groups"] == 0 and card["clusters"] == len({author[text] for text in test["text"]})
    for number in (0, 1):
        held_out = test["label"].count(number) / label.tolist().count(number)
        assert abs(held_out - share) < (0.02 if groups > 12 else 0.08)


def test_equal_texts_of_two_groups_are_on_one_side(bench: Bench) -> None:
    rows = columns(
        [words(number // 2) for number in range(40)], author=[f"a{(number + 1) // 2}" for number in range(40)]
    )
    with pytest.raises(UserError, match="no group can be held out"):  # all groups share a text with the next
        bench.build(rows, group="author")
    rows["author"] = [f"a{number // 4}" for number in range(40)]
    bench.build(rows, group="author")
    assert not {*bench.rows("train")["text"]} & {*bench.rows("test")["text"]}


def test_a_group_that_alone_has_a_class_is_trained_on(bench: Bench) -> None:
    rows = columns([words(number) for number in range(40)], author=[number // 2 for number in range(40)])
    rows["label"] = [2 if number < 2 else number % 2 for number in range(40)]
    bench.build(rows, group="author")
    assert {*bench.rows("train")["label"]} == {0, 1, 2}


@pytest.mark.parametrize("held_out", [False, True])
def test_one_group_alone_is_refused(bench: Bench, held_out: bool) -> None:
    rows = columns([words(number) for number in range(10)], product=["x"] * 10)
    with pytest.raises(UserError, match=r"raw\.\w+\.parquet: all rows have the same value.*'product' \('x'\).*leave"):
        bench.build(rows, None if held_out else rows, group="product")


def test_groups_that_are_all_distinct_or_missing_make_no_clusters(bench: Bench) -> None:
    texts = [words(number) for number in range(10)]
    for author in (list(range(10)), [None] * 10, [1.0, None, *range(2, 10)]):
        card = bench.build(columns(texts, author=author), columns(texts, author=author), group="author")
        assert bench.clusters == list(range(10)) and card["largest"] == 1


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_missing_group_column_is_named_with_the_nearest(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"f.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"text": ["a"], "label": [1], "author": ["b"]}), path)
    elif kind == "jsonl":
        path.write_text('{"text": "a", "label": 1, "author": "b"}\n')
    else:
        mark = "," if kind == "csv" else "\t"
        path.write_text(f"{mark.join(('text', 'label', 'author'))}\n{mark.join('a1b')}\n")
    source = {"title": "T", "domain": "topic", "source": {"local": {"train": str(path), "group": "autor"}}}
    local = Corpus.model_validate(source).source.local
    assert local
    with pytest.raises(UserError, match=r"no column 'autor'; did you mean 'author'\?"):
        local_files.read(local, "train", path)
    local = local.model_copy(update={"group": "author"})
    assert local_files.read(local, "train", path)[local_files.GROUP].to_pylist() == ["b"]


def test_a_group_by_position_in_a_file_without_header(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("1,good,u7\n2,bad,\n")
    corpus = {"title": "T", "domain": "topic", "source": {"local": {"train": "f.csv", "format": "zhang", "group": 2}}}
    corpus["source"]["local"]["columns"] = {"text": 1}
    local = Corpus.model_validate(corpus).source.local
    assert local and local_files.read(local, "train", path)[local_files.GROUP].to_pylist() == ["u7", None]


@pytest.mark.parametrize(
    ("source", "problem"),
    [({"format": "trec"}, "no column for `group`"), ({"group": "label"}, "name another"), ({"group": "text"}, "name")],
)
def test_a_group_column_that_cannot_be_is_refused_before_any_job(source: dict[str, str], problem: str) -> None:
    local = {"train": "f", "group": "author"} | source
    with pytest.raises(ValueError, match=problem):
        Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})


def test_a_group_that_is_a_list_is_refused(bench: Bench) -> None:
    rows = columns([words(1), words(2)], author=[["a"], ["b"]])
    with pytest.raises(UserError, match="column 'author' holds list"):
        bench.build(rows, rows, group="author")


def test_many_texts_of_one_form_are_divided_and_copies_are_not() -> None:
    """60 texts of 30 words, 15 forms of which each has one other word than the next, are linked in a chain."""
    form = [f"w{number}" for number in range(30)]
    chain = [
        " ".join([*(f"x{number}" for number in range(step)), *form[step:]]) for step in range(15) for _ in range(4)
    ]
    texts = [near_duplicates.shingles(text) for text in chain]
    assert not near_duplicates.components(texts).any()
    assert np.bincount(find_clusters._near_duplicates(texts)).tolist().count(4) == 15
    assert not find_clusters._near_duplicates(texts[:50]).any(), "few enough"
    assert len(set(find_clusters._near_duplicates([texts[0]] * 1000).tolist())) == 1, "copies"


def test_empty_texts_of_a_published_corpus_are_one_cluster(bench: Bench) -> None:
    (bench.folder / "f.csv").write_text("1,good\n2,bad\n1,\n2, \n")
    local = {"train": "f.csv", "test": "f.csv", "format": "zhang", "columns": {"text": 1}}
    corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})
    out = {name: bench.folder / f"{name}.parquet" for name in ("train", "test", "clusters")}
    files = corpus.source.files(bench.folder)
    corpora.build("t", corpus, files=files, sample=None, **out, card=bench.folder / "card.json")
    assert bench.clusters == [0, 1, 2, 2]


def test_a_test_split_of_one_cluster_is_named_before_anything_is_trained(bench, caplog):
    """A fifth of five products is one product; its errors would have no interval."""
    texts = [words(number) for number in range(50)]
    with pytest.raises(UserError, match="only one group can be held out for a test, .* needs 2; add rows"):
        bench.build(columns(texts, product=[number % 5 for number in range(50)]), group="product")
    bench.build(columns(texts, product=[number % 5 for number in range(50)]), group="product", held_out=0.4)
    assert sorted(set(bench.clusters)) == [0, 1]
    assert "cannot be scored" not in caplog.text
    bench.build(columns(texts), columns([f"{ARTICLE} {number}" for number in range(20)]))
    assert "corpus t: all 20 test texts are near-duplicates; their errors cannot be scored" in caplog.text
