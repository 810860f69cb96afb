"""Blocks of whole sentences: nothing is lost, nothing is too long, ends of documents are marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.tokens import create_blocks, instance_file
from helpers import tiny

CLS, SEP = 2, 3
FIRST = 5  # id of w0


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.vocabulary(tmp_path_factory.mktemp("words"))


def blocks(folder: Path, words: Path, text: str, max_length: int = 8) -> list[list[int]]:
    (folder / "text.txt").write_text(text)
    create_blocks.build([folder / "text.txt"], words, Pretrain(max_length=max_length), folder / "blocks.arrow")
    instances = instance_file.read(folder / "blocks.arrow")
    assert instances.unmasked
    found = [instances.get(number) for number in range(len(instances))]
    assert all(len(one.positions) == len(one.labels) == 0 and not one.random_next for one in found)
    assert all(one.a_length == len(one.ids) for one in found)
    return [one.ids.tolist() for one in found]


def test_sentences_fill_a_block_and_documents_are_separated(tmp_path: Path, words: Path) -> None:
    found = blocks(tmp_path, words, "w0 w1\nw2\n\nw3\n\nw4 w5 w6\nw7\n")
    assert found == [
        [CLS, FIRST, FIRST + 1, FIRST + 2, SEP, FIRST + 3, SEP],
        [CLS, FIRST + 4, FIRST + 5, FIRST + 6, FIRST + 7, SEP],
    ]


def test_a_sentence_that_is_too_long_is_cut(tmp_path: Path, words: Path) -> None:
    found = blocks(tmp_path, words, " ".join(f"w{number}" for number in range(14)) + "\n")
    assert [len(block) for block in found] == [8, 8, 4]
    assert [id for block in found for id in block[1:-1]] == list(range(FIRST, FIRST + 14))


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_and_nothing_too_long(words: Path, tmp_path_factory, documents: list[list[int]]) -> None:
    text = "\n\n".join("\n".join(" ".join(["w1"] * size) for size in document) for document in documents) + "\n"
    found = blocks(tmp_path_factory.mktemp("text"), words, text)
    assert all(3 <= len(block) <= 8 and block[0] == CLS and block[-1] == SEP != block[-2] for block in found)
    pieces = [id for block in found for id in block[1:-1] if id != SEP]
    assert pieces == [FIRST + 1] * sum(map(sum, documents))


def test_the_same_text_gives_the_same_bytes_and_none_is_refused(tmp_path: Path, words: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        blocks(tmp_path / name, words, "w0 w1\nw2\n\nw3\n")
        contents.append((tmp_path / name / "blocks.arrow").read_bytes())
    assert contents[0] == contents[1]
    with pytest.raises(UserError, match="no text to pre-train on"):
        blocks(tmp_path, words, "\n\n")


def test_more_than_one_record_batch(tmp_path: Path, words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = blocks(tmp_path, words, "w0 w1 w2 w3 w4 w5\n" * 7)
    monkeypatch.setattr(instance_file, "BLOCK_ROWS", 3)
    assert blocks(tmp_path, words, "w0 w1 w2 w3 w4 w5\n" * 7) == whole and len(whole) == 7
    with pa.memory_map(str(tmp_path / "blocks.arrow")) as source:
        assert pa.ipc.open_file(source).num_record_batches == 3
    assert np.all(np.array(whole) == whole[0])
