"""A corpus as tokens: joined fields, pairs, wide vocabularies, and columns that are missing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bertfit.config.layout_schema import Join, TextForm
from bertfit.core.errors import UserError
from bertfit.tokens import token_file, tokenize_corpus
from helpers.tokenized import ENTRIES, built, write_corpus
from helpers.vocabularies import write_vocabulary

SHARED = Path(os.environ.get("BERTFIT_SHARED") or Path(__file__).parents[4] / "shared")


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary"), ENTRIES)


def test_fields_are_joined_without_the_empty_ones(tmp_path, vocabulary):
    read = built(
        tmp_path,
        vocabulary,
        Join(fields=["title", "body"], separator=" - "),
        title=["a", "", "b", "", "zz"],
        body=["b c", "c", "", "", "[SEP]"],
    )
    expected = [[5, 8, 6, 7], [7], [6], [], [1, 8, 10, 12, 11]]
    assert [read.ids(i).tolist() for i in range(len(read))] == expected
    assert [read.pair(i) for i in range(5)] == [None] * 5
    assert read.labels.tolist() == [0, 1, 0, 1, 0] and read.labels.dtype == np.int32
    assert read.label_names == ["no", "yes"]
    assert (read.pad, read.unk, read.cls, read.sep, read.mask, read.vocabulary_size) == (0, 1, 2, 3, 4, 13)
    assert read.values.dtype == np.uint16
    assert read.offsets.tolist() == [0, 4, 5, 6, 6, 11]


def test_pairs(tmp_path, vocabulary):
    read = built(
        tmp_path,
        vocabulary,
        Join(fields=["question"]),
        Join(fields=["answer"]),
        question=["a b", "", "ab"],
        answer=["c", "a", ""],
    )
    assert [read.ids(i).tolist() for i in range(3)] == [[5, 6], [], [5, 9]]
    assert [read.pair(i).tolist() for i in range(3)] == [[7], [5], []]


def test_wide_vocabularies_take_int32(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*ENTRIES, *(f"w{number}" for number in range(70_000))]) + "\n")
    read = built(tmp_path, path, Join(fields=["text"]), text=["w69999"])
    assert read.ids(0).tolist() == [70_012] and read.values.dtype == np.int32


def test_same_bytes_again(tmp_path, vocabulary):
    built(tmp_path, vocabulary, Join(fields=["text"]), text=["a b", "c"])
    first = (tmp_path / "train.arrow").read_bytes()
    built(tmp_path, vocabulary, Join(fields=["text"]), text=["a b", "c"])
    assert (tmp_path / "train.arrow").read_bytes() == first


def test_a_missing_column_is_named(tmp_path, vocabulary):
    corpus = write_corpus(tmp_path / "train.parquet", text=["a"])
    form = TextForm(fields=["text", "body"], text=Join(fields=["text", "body"]))
    with pytest.raises(UserError, match=r"no column 'body' .it has text, label"):
        tokenize_corpus.build(corpus, vocabulary, form, tmp_path / "train.arrow")


def test_trec_with_the_uncased_vocabulary(tmp_path):
    vocab, parquet = SHARED / "vocab/bert-base-uncased-vocab.txt", SHARED / "corpora/trec/test.parquet"
    if not (vocab.exists() and parquet.exists()):
        pytest.skip("needs the shared TREC corpus and uncased vocabulary (BERTFIT_SHARED)")
    tokenize_corpus.build(parquet, vocab, TextForm(), tmp_path / "test.arrow")
    read = token_file.read(tmp_path / "test.arrow")
    assert len(read) == 500 and read.vocabulary_size == 30_522
    assert (read.cls, read.sep, read.mask) == (101, 102, 103)
    # "How far is it from Denver to Aspen ?"
    assert read.ids(0).tolist() == [2129, 2521, 2003, 2009, 2013, 7573, 2000, 18567, 1029]
