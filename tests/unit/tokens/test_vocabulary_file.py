"""Vocabularies as they are loaded: special tokens, the type of ids, and files that do not serve."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from bertfit.core.errors import UserError
from bertfit.tokens import official_wordpiece, vocabulary_file
from helpers.vocabularies import BASE, SPECIAL, write_vocabulary


@pytest.fixture
def vocab_file(tmp_path: Path) -> Path:
    return write_vocabulary(tmp_path, BASE)


def test_special_tokens_in_a_text_are_plain_text(vocab_file):
    ids = vocabulary_file.load(vocab_file).encode("[SEP]", add_special_tokens=False).ids
    assert ids == [5, 7, 6] == official_wordpiece.OfficialPieces(vocabulary_file.load(vocab_file))("[SEP]")


def test_bad_files(tmp_path):
    with pytest.raises(UserError, match="no tokenizer; give a folder"):
        vocabulary_file.load(tmp_path)
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{}")
    with pytest.raises(UserError, match="cannot be read as a tokenizer"):
        vocabulary_file.load(tmp_path)
    lacking = tmp_path / "vocab.txt"
    lacking.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    with pytest.raises(UserError, match=r"\[MASK\] missing"):
        vocabulary_file.load(lacking)


def test_special_tokens_have_the_ids_of_their_places(vocab_file):
    tokenizer = vocabulary_file.load(vocab_file)
    assert vocabulary_file.special_ids(tokenizer) == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    assert tokenizer.encode("un").ids == [2, 10, 3], "un is entry 10, between [CLS] and [SEP]"


@pytest.mark.parametrize(("size", "kind"), [(2**16, pa.uint16()), (2**16 + 1, pa.int32())])
def test_ids_take_two_bytes_where_they_fit(size, kind):
    entries = {entry: number for number, entry in enumerate([*SPECIAL, *(f"w{number}" for number in range(5, size))])}
    assert vocabulary_file.id_type(vocabulary_file.bert_tokenizer(entries)) == (size, kind)


def test_a_vocabulary_without_special_tokens_is_none():
    with pytest.raises(ValueError, match=r"\[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\] missing"):
        vocabulary_file.bert_tokenizer({"a": 0})
