"""Token files read back: types, views on the map, and files that are broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.config.layout_schema import Join
from bertfit.core.errors import UserError
from bertfit.tokens import token_file, vocabulary_file
from helpers.tokenized import ENTRIES, built
from helpers.vocabularies import write_vocabulary


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary"), ENTRIES)


def test_the_file_keeps_the_contract(tmp_path, vocabulary):
    built(tmp_path, vocabulary, Join(fields=["text"]), text=["a", "b"])
    with pa.memory_map(str(tmp_path / "train.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    assert table.schema.field("input_ids").type == pa.list_(pa.uint16())
    assert table.to_pylist() == [
        {"input_ids": [5], "pair_ids": None, "label": 0},
        {"input_ids": [6], "pair_ids": None, "label": 1},
    ]
    keys = {b"label_names", b"cls", b"sep", b"pad", b"mask", b"unk", b"vocabulary_size", b"separators"}
    assert set(table.schema.metadata) == keys


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
