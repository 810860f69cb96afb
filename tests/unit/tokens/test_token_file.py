from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.config.corpus_schema import Join, TextForm
from bertfit.core.errors import UserError
from bertfit.tokens import token_file, tokenize_corpus, vocabulary_file

SHARED = Path(os.environ.get("BERTFIT_SHARED") or Path(__file__).parents[4] / "shared")
ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "-", "##b", "[", "]", "sep"]


def write_corpus(path: Path, **fields: list[str]) -> Path:
    count = len(next(iter(fields.values())))
    table = pa.table({**fields, "label": pa.array([i % 2 for i in range(count)], pa.int32())})
    pq.write_table(table.replace_schema_metadata({"label_names": json.dumps(["no", "yes"])}), path, row_group_size=2)
    return path


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(ENTRIES) + "\n")
    return path


def built(
    folder: Path, vocabulary: Path, join: Join, pair: Join | None = None, **fields: list[str]
) -> token_file.Tokens:
    form = TextForm(fields=list(fields), text=join, pair=pair)
    tokenize_corpus.build(write_corpus(folder / "train.parquet", **fields), vocabulary, form, folder / "train.arrow")
    return token_file.read(folder / "train.arrow")


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


def test_the_file_keeps_the_contract(tmp_path, vocabulary):
    built(tmp_path, vocabulary, Join(fields=["text"]), text=["a", "b"])
    with pa.memory_map(str(tmp_path / "train.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    assert table.schema.field("input_ids").type == pa.list_(pa.uint16())
    assert table.to_pylist() == [
        {"input_ids": [5], "pair_ids": None, "label": 0},
        {"input_ids": [6], "pair_ids": None, "label": 1},
    ]
    keys = {b"label_names", b"cls", b"sep", b"pad", b"mask", b"unk", b"vocabulary_size"}
    assert set(table.schema.metadata) == keys


def test_wide_vocabularies_take_int32(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*ENTRIES, *(f"w{number}" for number in range(70_000))]) + "\n")
    read = built(tmp_path, path, Join(fields=["text"]), text=["w69999"])
    assert read.ids(0).tolist() == [70_012] and read.values.dtype == np.int32


@settings(max_examples=20)
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=9))
def test_views_equal_the_tokenizer_one_by_one(tmp_path_factory, vocabulary, texts):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    read = built(tmp_path_factory.mktemp("t"), vocabulary, Join(fields=["text"]), text=texts)
    tokenizer = vocabulary_file.load(vocabulary)
    assert [read.ids(i).tolist() for i in range(len(read))] == [
        tokenizer.encode(text, add_special_tokens=False).ids for text in texts
    ]


def test_views_share_the_map_and_cannot_be_written(tmp_path, vocabulary):
    read = built(tmp_path, vocabulary, Join(fields=["text"]), text=["a b c"] * 3)
    assert np.shares_memory(read.ids(1), read.values)
    with pytest.raises(ValueError, match="read-only"):
        read.ids(1)[0] = 9


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


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "x.arrow"
    path.write_bytes(b"ARROW1\0\0nothing")
    with pytest.raises(UserError, match=r"x\.arrow: not a complete tokens file"):
        token_file.read(path)


def test_neither_torch_nor_transformers_is_imported():
    code = (
        "import sys, bertfit.tokens.token_file; sys.exit(bool({'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "scripts")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


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
