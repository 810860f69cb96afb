from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from bertfit.core.errors import UserError
from bertfit.word_counts.classifier import WordCounts

CASES = {
    "words": (["good film", "good day", "bad film", "bad bad day", "dull"], "words"),
    "characters": (["股市上涨", "股市下跌", "比赛开始", "比赛结束", '\u2028「天气」\\"'], "characters"),
    "emoji": (["😀😀", "😀", "👎", "👎👎 x", "🤖"], "characters"),
    "default": (["股市上涨", "股市下跌", "比赛开始", "比赛结束", "天气"], "default"),
}
LABELS = np.array([0, 0, 1, 1, 2], np.int32)
NAMES = ["a", 'b "quoted"', "c"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sets", [None, [[0], [0, 1], []]])
def test_a_reloaded_model_gives_the_same_bits(tmp_path: Path, case, sets):
    texts, analyzer = CASES[case]
    model, of_texts = WordCounts.fit(texts, LABELS, NAMES, analyzer=analyzer, sets=sets)
    assert (model.logits(texts) == of_texts).all() and of_texts.shape == (5, 3)
    model.save(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "word_counts.json", "word_counts.safetensors"
    ]  # fmt: skip
    assert len({path.stat().st_mode for path in (tmp_path / "model").iterdir()}) == 1
    again = WordCounts.load(tmp_path / "model")
    unseen = [*texts, "", "film 股市 😀 zzz"]
    assert (again.logits(unseen) == model.logits(unseen)).all()
    assert (again.label_names, again.several_labels, again.unit) == (NAMES, sets is not None, model.unit)
    again.save(tmp_path / "again")
    for path in (tmp_path / "model").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_probabilities_are_scikit_learns():
    texts, _ = CASES["words"]
    labels = np.minimum(LABELS, 1)
    model, logits = WordCounts.fit(texts, labels, NAMES[:2], analyzer="words")
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), LogisticRegression(C=10, max_iter=1000)
    ).fit(texts, labels)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances, pipeline.predict_proba(texts), atol=5e-3)
    assert model.features == len(pipeline[0].vocabulary_)


def test_a_text_has_the_classes_with_logits_from_0_on():
    texts = ["red", "red blue", "blue", "green", "red", "blue red", "blue", "grey"] * 3
    sets = [[0], [0, 1], [1], []]
    labels = np.array([0, 1, 2, 3] * 6, np.int32)
    model, _ = WordCounts.fit(texts, labels, ["red", "blue"], analyzer="words", sets=sets)
    answers = model.logits(["blue", "red", "red and blue", "green"]) > 0
    assert answers.tolist() == [[False, True], [True, False], [True, True], [False, False]]


def test_no_texts_no_logits():
    model, _ = WordCounts.fit(*(CASES["words"][0], LABELS, NAMES))
    assert model.logits([]).shape == (0, 3)


@pytest.mark.parametrize("damage", ["missing", "no json", "key", "format"])
def test_other_folders_are_refused(tmp_path: Path, damage):
    model, _ = WordCounts.fit(*(CASES["words"][0], LABELS, NAMES))
    model.save(tmp_path)
    path = tmp_path / "word_counts.json"
    content = json.loads(path.read_text())
    if damage == "missing":
        (tmp_path / "word_counts.safetensors").unlink()
    elif damage == "no json":
        path.write_text("{")
    else:
        path.write_text(json.dumps(content | ({"more": 1} if damage == "key" else {"format": 2})))
    with pytest.raises(UserError, match="not a saved model of word counts"):
        WordCounts.load(tmp_path)
