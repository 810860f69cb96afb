"""Word pieces of the official code: by hand, and equal to a plain version for any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.tokens import official_wordpiece, vocabulary_file
from helpers.reference_instances import basic_words, word_pieces
from helpers.vocabularies import BASE, write_vocabulary


@pytest.fixture
def vocab_file(tmp_path: Path) -> Path:
    return write_vocabulary(tmp_path, BASE)


def test_official_pieces_by_hand(vocab_file):
    pieces = official_wordpiece.OfficialPieces(vocabulary_file.load(vocab_file))
    assert pieces("Café unaffable!中") == [8, 9, 10, 11, 12, 13, 14]
    assert pieces("ΣΑΣ") == [15], "a capital sigma at the end of a word becomes a final one"
    assert pieces("un" + "aff" * 66) == [10] + [11] * 66, "200 characters are a word"
    assert pieces("una" + "aff" * 66) == [1], "201 are not"
    assert pieces("\x00 \u200b\u0378\ue000") == []


def test_a_sigma_is_lower_cased_after_control_characters_are_dropped():
    """The lower case of Σ depends on its neighbours; a control character is none of them."""
    entries = {token: number for number, token in enumerate([*BASE, "aσa", "aς"])}
    pieces = official_wordpiece.OfficialPieces(vocabulary_file.bert_tokenizer(entries))
    assert pieces("aΣ\x00a") == [entries["aσa"]] and pieces("aΣ") == [entries["aς"]]


@pytest.mark.parametrize("text", ["Éa Xa", "aÉ\tÇ!X\rr", "中X\nn", "ΣΑΣ e\u0301"])
def test_a_cased_vocabulary_keeps_capitals_and_accents(text):
    characters = official_wordpiece._Characters(strip=False, split_chinese=True)
    assert text.translate(characters).split() == basic_words(text, lower=False)


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=40) | st.text(st.sampled_from("aé ΣσBß中𫠠İ\u2028\u0301[]!$`;\u037e\x1c\t"), max_size=20))
def test_official_pieces_equal_the_plain_version(text):
    entries = {token: number for number, token in enumerate([*BASE, *"abcdefgσς", "##a", "##σ", "##ς", "ss"])}
    pieces = official_wordpiece.OfficialPieces(vocabulary_file.bert_tokenizer(entries))
    expected = [entries[piece] for word in basic_words(text) for piece in word_pieces(word, entries)]
    assert pieces(text) == expected


def test_every_character_is_treated_as_by_the_plain_version():
    characters = official_wordpiece._Characters(strip=True, split_chinese=True)
    blocks = [*range(0xD800), *range(0xF800, 0x20010), *range(0x2A6D0, 0x2A710), *range(0x2B730, 0x2B930)]
    for code in [*blocks, *range(0x2CE90, 0x2CEC0), *range(0x2F7F0, 0x2FA30), *range(0xE0000, 0xE0200)]:
        text = f"a{chr(code)}b"
        assert text.lower().translate(characters).split() == basic_words(text), hex(code)
