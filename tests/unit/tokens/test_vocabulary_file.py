"""Vocabularies as they are loaded: special tokens, the type of ids, and files that do not serve."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from transformers import BertTokenizer

from bertfit.config.encoder_schema import Vocabulary
from bertfit.core.errors import UserError
from bertfit.tokens import build_vocabulary, official_wordpiece, special_tokens, vocabulary_file
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


def test_a_vocab_txt_of_another_family_is_told(tmp_path):
    write_vocabulary(tmp_path, ["<s>", "<pad>", "</s>", "<unk>", *BASE, "<mask>"])
    with pytest.raises(UserError, match=r"its special tokens are not BERT's; give a folder with a tokenizer\.json"):
        vocabulary_file.load(tmp_path)


def test_special_tokens_have_the_ids_of_their_places(vocab_file):
    tokenizer = vocabulary_file.load(vocab_file)
    assert special_tokens.ids(tokenizer) == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    assert tokenizer.encode("un").ids == [2, 10, 3], "un is entry 10, between [CLS] and [SEP]"


CASED = [*SPECIAL, *"EeéÉ中文d", "##e", "##d", "##É", "##é", "##文"]


@pytest.mark.parametrize(
    ("entries", "settings", "pieces"),
    [
        (CASED, {}, ["É", "##é", "##d", "中", "文"]),
        (CASED, {"do_lower_case": False}, ["É", "##é", "##d", "中", "文"]),
        (CASED, {"do_lower_case": True}, ["e", "##e", "##d", "中", "文"]),
        (CASED, {"do_lower_case": True, "strip_accents": False}, ["é", "##é", "##d", "中", "文"]),
        (CASED, {"do_lower_case": False, "strip_accents": True}, ["E", "##e", "##d", "中", "文"]),
        (CASED, {"do_lower_case": False, "tokenize_chinese_chars": False}, ["É", "##é", "##d", "中", "##文"]),
        ([*SPECIAL, *(entry.lower() for entry in CASED[5:])], {}, ["e", "##e", "##d", "中", "文"]),
    ],
    ids=str,
)
def test_a_vocab_txt_is_read_by_the_settings_beside_it(tmp_path, entries, settings, pieces):
    """Both tokenizers, and transformers; without settings a vocabulary with capitals is cased."""
    write_vocabulary(tmp_path, list(dict.fromkeys(entries)))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = vocabulary_file.load(tmp_path)
    assert tokenizer.encode("Ééd 中文", add_special_tokens=False).tokens == pieces
    assert [tokenizer.id_to_token(id) for id in official_wordpiece.OfficialPieces(tokenizer)("Ééd 中文")] == pieces
    out = tmp_path / "out"
    build_vocabulary.build(Vocabulary(encoder="e"), encoder_folder=tmp_path, texts=[], folder=out)
    assert vocabulary_file.load(out).to_str() == tokenizer.to_str()
    assert BertTokenizer.from_pretrained(out).tokenize("Ééd 中文") == pieces


def test_capitals_without_a_setting_are_told(tmp_path, caplog):
    vocabulary_file.load(write_vocabulary(tmp_path, CASED))
    assert "has capitals, and do_lower_case is not set beside it: texts keep their case" in caplog.text
    assert not vocabulary_file.has_capitals([*BASE, *(f"w{number}" for number in range(90)), "X"]), "one stray entry"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{", "tokenizer_config.json: not JSON"),
        ("[]", "not a JSON object"),
        ('{"word_tokenizer_type": "mecab"}', "its words are split by mecab, and only BERT's own rules"),
    ],
)
def test_settings_that_cannot_be_used_are_told(tmp_path, settings, message):
    write_vocabulary(tmp_path, BASE)
    (tmp_path / "tokenizer_config.json").write_text(settings)
    with pytest.raises(UserError, match=message):
        vocabulary_file.load(tmp_path)


@pytest.mark.parametrize(("size", "kind"), [(2**16, pa.uint16()), (2**16 + 1, pa.int32())])
def test_ids_take_two_bytes_where_they_fit(size, kind):
    entries = {entry: number for number, entry in enumerate([*SPECIAL, *(f"w{number}" for number in range(5, size))])}
    assert vocabulary_file.id_type(vocabulary_file.bert_tokenizer(entries)) == (size, kind)


def test_a_vocabulary_without_special_tokens_is_none():
    with pytest.raises(ValueError, match=r"\[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\] missing"):
        vocabulary_file.bert_tokenizer({"a": 0})
