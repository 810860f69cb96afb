from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from bertfit.core.errors import UserError
from bertfit.texts import stored_texts
from bertfit.word_counts import ngrams
from bertfit.word_counts.ngrams import NoWordsError

ENGLISH = ["Good film", "good film!", "bad day"]
CHINESE = ["股市上", "股市下", "比赛"]


def test_default_counts_words_in_english_and_characters_in_chinese():
    assert ngrams.unit("default", "en", ENGLISH) == ngrams.unit("default", "auto", ENGLISH) == "word"
    assert ngrams.unit("default", "zh", CHINESE) == ngrams.unit("default", "auto", CHINESE) == "char"
    assert ngrams.unit("default", "en", CHINESE) == "word"  # as declared
    assert ngrams.unit("words", "zh", CHINESE) == "word" and ngrams.unit("characters", "en", ENGLISH) == "char_wb"
    assert sorted(ngrams.fit(ENGLISH, "word").vocabulary_) == ["film", "good", "good film"]
    assert sorted(ngrams.fit(CHINESE, "char").vocabulary_) == ["市", "股", "股市"]


def test_characters_are_counted_within_words():
    found = ngrams.fit(["ab cd", "ab 😀"], "char_wb").vocabulary_
    assert sorted(found) == [" ", " a", " ab", " ab ", "a", "ab", "ab ", "b", "b "]
    assert "😀 " in ngrams.fit(["😀 x", "😀 y"], "char_wb").vocabulary_


@pytest.mark.parametrize("texts", [["หนังดีมาก", "หนังไม่ดี"], ["とても良い", "良くない"], ["😀", "👎"]])
def test_characters_tell_texts_apart_that_have_no_spaces(texts):
    matrix = ngrams.transform(ngrams.fit(texts * 2, "char_wb"), texts)
    assert matrix.power(2).sum(axis=1) == pytest.approx(1) and (matrix[0] != matrix[1]).nnz


def test_what_one_text_alone_says_counts_where_nothing_else_is_left():
    found = ngrams.fit(["one two", "three"], "word")
    assert sorted(found.vocabulary_) == ["one", "one two", "three", "two"] and found.min_df == 1
    assert {"😀", "👎"} <= ngrams.fit(["😀", "👎"], "char_wb").vocabulary_.keys()


def test_texts_without_words():
    with pytest.raises(NoWordsError, match=r"f\.parquet: no text has words to count; count characters") as raised:
        ngrams.fit(["😀", "!"], "word", "f.parquet")
    assert isinstance(raised.value, UserError)
    with pytest.raises(NoWordsError) as raised:
        ngrams.fit(["", " "], "char_wb")
    assert "count characters" not in str(raised.value)


def test_memory_has_bounds(monkeypatch):
    """Few texts are counted, evenly spaced; few n-grams are kept; texts pass a few at a time, to the same matrix."""
    texts = [f"both{number // 2} everywhere" for number in range(40)]
    whole = ngrams.fit(texts, "word")
    assert len(whole.vocabulary_) == 41  # 20 words, 20 pairs of words, everywhere
    expected = whole.transform(texts)
    seen: list[int] = []
    transform = TfidfVectorizer.transform
    monkeypatch.setattr(
        TfidfVectorizer, "transform", lambda self, chunk: seen.append(len(chunk)) or transform(self, chunk)
    )
    monkeypatch.setattr(stored_texts, "ROWS", 7)
    found = ngrams.transform(whole, texts)
    assert seen == [7] * 5 + [5] and found.dtype == np.float32 and not (found != expected).nnz
    monkeypatch.setattr(ngrams, "MAX_FEATURES", 3)
    assert len(ngrams.fit(texts, "word").vocabulary_) == 3
    monkeypatch.setattr(ngrams, "MAX_FEATURES", 1000)
    monkeypatch.setattr(ngrams, "COUNTED_TEXTS", 2)  # the first and the last
    assert sorted(ngrams.fit(texts, "word").vocabulary_) == ["everywhere"]


def test_characters_are_counted_on_fewer_long_texts_and_on_their_beginnings(monkeypatch):
    monkeypatch.setattr(ngrams, "LONGEST", 4)
    texts = ["abcdZZ", "efghZZ", "ijklZZ", "abcdYY"]
    fitted = ngrams.fit(texts, "char_wb")
    assert "abcd " in fitted.vocabulary_ and not [key for key in fitted.vocabulary_ if "z" in key or "y" in key]
    matrix = ngrams.transform(fitted, texts)
    assert not (matrix[0] != matrix[3]).nnz
    assert "efgh" in ngrams.fit([*texts, "efgh"], "char_wb").vocabulary_
    monkeypatch.setattr(ngrams, "COUNTED_CHARACTERS", 8)  # two of five texts: the first and the last
    assert sorted(ngrams.fit([*texts, "abcd"], "char_wb").vocabulary_)[:4] == [" ", " a", " ab", " abc"]
    assert "ef" not in ngrams.fit([*texts, "abcd"], "char_wb").vocabulary_
