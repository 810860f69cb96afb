from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

from bertfit.config.corpus_schema import Corpus, Join, TextForm
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError
from bertfit.data import corpora
from bertfit.evaluation import score_runs
from bertfit.evaluation.score_runs import RunFiles
from bertfit.experiments.cells import RunGroup
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import seed_block, tfidf_baseline

ROOT = Path(__file__).parents[3]
ENGLISH = TextForm()
CHINESE = TextForm(language="zh")


def write(path: Path, columns: dict[str, list[str]], labels: list[int], names: list[str]) -> Path:
    table = pa.table(columns | {"label": pa.array(labels, pa.int32())})
    pq.write_table(table.replace_schema_metadata({"label_names": json.dumps(names)}), path)
    return path


def sentences(size: int, seed: int, classes: int) -> tuple[list[str], list[int]]:
    """Texts of ten frequent words, some of which are said more often of one class."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, size)
    words = np.array([f"word{number}" for number in range(30)])
    chance = np.ones((classes, 30)) + 1.5 * (np.arange(30) % classes == np.arange(classes)[:, None])
    return [
        " ".join(draw.choice(words, 10, p=chance[label] / chance[label].sum())) for label in labels
    ], labels.tolist()


def run(folder: Path, form: TextForm = ENGLISH) -> dict[str, Path]:
    out = {name: folder / f"{name}.{end}" for name, end in (("predictions", "parquet"), ("history", "csv"))}
    tfidf_baseline.run(
        train=folder / "train.parquet",
        test=folder / "test.parquet",
        form=form,
        record=folder / "run.json",
        job=JobIdentity("c0de", {"corpus": "c"}),
        threads=1,
        **out,
    )
    return out


def scored(folder: Path, out: dict[str, Path]) -> pd.DataFrame:
    score_runs.build([RunFiles(RunGroup("c", "tfidf", "default"), **out)], folder / "results", study="s")
    return pd.read_parquet(folder / "results")


def logits(path: Path) -> np.ndarray:
    return np.stack(pd.read_parquet(path)["logits"].to_list())


@pytest.mark.parametrize("classes", [2, 4])
def test_error_and_loss_are_scikit_learns_own(tmp_path, classes):
    names = list("abcd")[:classes]
    (texts, labels), (unseen, truth) = sentences(150, 1, classes), sentences(80, 2, classes)
    write(tmp_path / "train.parquet", {"text": texts}, labels, names)
    write(tmp_path / "test.parquet", {"text": unseen}, truth, names)
    out = run(tmp_path)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), LogisticRegression(C=10, max_iter=1000)
    ).fit(texts, labels)
    error = 100 * (1 - model.score(unseen, truth))
    assert 5 < error < 60
    table = scored(tmp_path, out)
    assert table[["seed", "selection", "step", "epoch", "n"]].to_numpy().tolist() == [
        [1, "last", 1, 1.0, 80], [1, "best", 1, 1.0, 80]
    ]  # fmt: skip
    assert table["error"].tolist() == pytest.approx([error, error])
    history = pd.read_csv(out["history"])
    assert list(history.columns) == list(seed_block.HISTORY) and len(history) == 1
    assert history["test_error"][0] == pytest.approx(error)
    assert history["train_error"][0] == pytest.approx(100 * (1 - model.score(texts, labels)))
    assert history["loss"][0] == pytest.approx(log_loss(labels, model.predict_proba(texts)), abs=2e-3)  # ours: float32
    found = np.exp(logits(out["predictions"]))
    np.testing.assert_allclose(found / found.sum(1, keepdims=True), model.predict_proba(unseen), atol=5e-3)


def test_same_bits_again_and_the_record(tmp_path):
    for name, seed in (("train", 1), ("test", 2)):
        texts, labels = sentences(60, seed, 3)
        write(tmp_path / f"{name}.parquet", {"text": texts}, labels, list("abc"))
    first = {name: path.read_bytes() for name, path in run(tmp_path).items()}
    assert {name: path.read_bytes() for name, path in run(tmp_path).items()} == first
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["code"] == "c0de" and record["spec"] == {"corpus": "c"}
    assert record["versions"]["scikit-learn"] == version("scikit-learn")
    assert set(record["inputs"]) == {"train", "test"} and record["cost"]["threads"] == 1
    assert record["baseline"].keys() == {"features", "analyzer", "min_df", "C", "iterations"}


def test_fields_are_joined_as_declared_and_the_pair_comes_last(tmp_path):
    columns = {"title": ["a", "b", ""], "body": ["c", "", "d"], "answer": ["e f", "g", ""]}
    path = write(tmp_path / "train.parquet", columns, [0, 1, 0], ["x", "y"])
    form = TextForm(
        fields=list(columns), text=Join(fields=["title", "body"], separator=" - "), pair=Join(fields=["answer"])
    )
    assert list(tfidf_baseline.texts(path, form)) == ["a - c e f", "b g", "d"]
    assert list(tfidf_baseline.texts(path, form, np.array([False, True, True]))) == ["b g", "d"]


def test_english_counts_words_and_chinese_characters(tmp_path):
    english = write(tmp_path / "en.parquet", {"text": ["Good film", "good film!", "bad day"]}, [0, 0, 1], ["x", "y"])
    assert sorted(tfidf_baseline.count(english, ENGLISH).vocabulary_) == ["film", "good", "good film"]
    chinese = write(tmp_path / "zh.parquet", {"text": ["股市上", "股市下", "比赛"]}, [0, 0, 1], ["x", "y"])
    assert sorted(tfidf_baseline.count(chinese, CHINESE).vocabulary_) == ["市", "股", "股市"]


def test_what_one_text_alone_says_counts_where_nothing_else_is_left(tmp_path):
    path = write(tmp_path / "train.parquet", {"text": ["one two", "three"]}, [0, 1], ["x", "y"])
    vectorizer = tfidf_baseline.count(path, ENGLISH)
    assert sorted(vectorizer.vocabulary_) == ["one", "one two", "three", "two"] and vectorizer.min_df == 1
    write(tmp_path / "test.parquet", {"text": ["three", "two"]}, [1, 0], ["x", "y"])
    assert scored(tmp_path, run(tmp_path))["errors"].tolist() == [0, 0]


def test_a_score_for_a_class_without_training_texts(tmp_path):
    matrix = csr_matrix(np.eye(2, dtype=np.float32))
    model = LogisticRegression().fit(matrix, [0, 3])
    found = tfidf_baseline.scores(model, matrix, 4)
    assert found.dtype == np.float32 and found.argmax(1).tolist() == [0, 3] and np.isfinite(found).all()
    assert (found[:, [1, 2]].max() < found[:, [0, 3]]).all()
    np.testing.assert_allclose(found[:, 3] - found[:, 0], model.decision_function(matrix), rtol=1e-6)


def test_memory_has_bounds(tmp_path, monkeypatch):
    """Few texts are counted, evenly spaced; few n-grams are kept; texts pass a few at a time, to the same matrix."""
    texts = [f"both{number // 2} everywhere" for number in range(40)]
    path = write(tmp_path / "train.parquet", {"text": texts}, [0] * 20 + [1] * 20, ["x", "y"])
    whole = tfidf_baseline.count(path, ENGLISH)
    assert len(whole.vocabulary_) == 41  # 20 words, 20 pairs of words, everywhere
    expected = whole.transform(texts)
    seen: list[int] = []
    transform = TfidfVectorizer.transform
    monkeypatch.setattr(
        TfidfVectorizer, "transform", lambda self, chunk: seen.append(len(chunk)) or transform(self, chunk)
    )
    monkeypatch.setattr(tfidf_baseline, "ROWS", 7)
    found = tfidf_baseline.transform(whole, tfidf_baseline.texts(path, ENGLISH))
    assert seen == [7] * 5 + [5] and found.dtype == np.float32 and not (found != expected).nnz
    monkeypatch.setattr(tfidf_baseline, "MAX_FEATURES", 3)
    assert len(tfidf_baseline.count(path, ENGLISH).vocabulary_) == 3
    monkeypatch.setattr(tfidf_baseline, "MAX_FEATURES", 1000)
    monkeypatch.setattr(tfidf_baseline, "COUNTED_TEXTS", 2)  # the first and the last
    assert sorted(tfidf_baseline.count(path, ENGLISH).vocabulary_) == ["everywhere"]


@pytest.mark.parametrize(
    ("columns", "labels", "form", "message"),
    [
        ({"text": ["one", "two"]}, [1, 1], ENGLISH, "1 classes to learn and 2 texts to test"),
        ({"text": ["!", "?"]}, [0, 1], ENGLISH, "no text has words to count"),
        ({"body": ["one", "two"]}, [0, 1], ENGLISH, r"no column 'text' \(it has body, label\)"),
    ],
)
def test_corpora_that_nothing_can_be_learnt_from(tmp_path, columns, labels, form, message):
    for name in ("train", "test"):
        write(tmp_path / f"{name}.parquet", columns, labels, ["x", "y"])
    with pytest.raises(UserError, match=message):
        run(tmp_path, form)
    assert not (tmp_path / "history.csv").exists()


@pytest.mark.parametrize(("name", "most"), [("trec", 10), ("sogou", 45)])
def test_corpora_of_the_miniature_study(tmp_path, name, most):
    """By chance 83 % are wrong. The synthetic TREC has short questions, the synthetic Sogou long Chinese texts."""
    declared = yaml_loader.load(ROOT / "studies" / "miniature.yaml").value["corpora"][name]
    corpus = Corpus.model_validate(declared)
    paths = {name: tmp_path / f"{name}.parquet" for name in ("train", "test", "clusters")}
    corpora.build(name, corpus, files={}, sample=None, card=tmp_path / "card.json", **paths)
    form = TextForm.model_validate(corpus.model_dump(include=set(TextForm.model_fields)))
    error = float(scored(tmp_path, run(tmp_path, form))["error"][0])
    assert error < most
