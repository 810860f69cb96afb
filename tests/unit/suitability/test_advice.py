from __future__ import annotations

import pytest

from bertfit.suitability import advice
from bertfit.suitability.coverage import SEVERAL, Coverage
from bertfit.texts.found_language import UNDETERMINED
from conftest import ROOT

UNEXPLAINED = {"texts", "pieces", "max_length", "language_probability", "warnings"}  # names that say enough

FITS = Coverage(
    texts=2000, pieces=50_000, unknown_pieces=0.001, unknown_characters=0.001, unknown_symbols=0.2,
    unknown_examples=["ж", "😀"], long_words=0, pieces_per_word=1.08, scripts={"Latn": 0.999, "Cyrl": 0.001},
    spaces=True, max_length=512, longer=0.125, language="en", language_probability=0.99, vocabulary_language="en",
)  # fmt: skip


def warned(**changes: object) -> list[str]:
    return advice.warnings(FITS.model_copy(update=changes))


def test_nothing_to_warn_of():
    assert warned() == []
    assert warned(unknown_pieces=0.05) == warned(pieces_per_word=2.0) == []  # at the limits
    assert warned(language="de", pieces_per_word=1.35) == []  # an English text with German names
    assert warned(language="de", vocabulary_language=SEVERAL, pieces_per_word=1.6) == []  # multilingual
    assert warned(language=UNDETERMINED, pieces_per_word=1.6) == []  # product codes
    assert warned(language="zh", vocabulary_language="zh", spaces=False, pieces_per_word=1.01) == []


def test_unknown_letters():
    (text,) = warned(unknown_pieces=0.62, unknown_examples=["的", "在"], language="zh", spaces=False)
    assert text == (
        "62 % of the word pieces are [UNK]: the encoder cannot tell what they say (的 在). Take one that knows "
        "Chinese, for example ENCODER=google-bert/bert-base-chinese or "
        "ENCODER=google-bert/bert-base-multilingual-cased."
    )
    (text,) = warned(unknown_pieces=0.3, language=UNDETERMINED, pieces_per_word=3.0)
    assert "Take a multilingual encoder, for example ENCODER=google-bert/bert-base-multilingual-cased." in text


def test_emoji_need_words_and_another_language_an_encoder():
    (text,) = warned(unknown_pieces=0.2, unknown_symbols=0.9, unknown_examples=["😀"])
    assert "20 % of the word pieces are [UNK]" in text and "emoji or symbols (😀)" in text
    assert "demojize" in text and "ENCODER" not in text
    both = warned(unknown_pieces=0.2, unknown_symbols=0.9, language="de", pieces_per_word=2.1)
    assert len(both) == 2 and "German" in both[1]


def test_words_too_long():
    (text,) = warned(unknown_pieces=0.0951, long_words=0.8, unknown_examples=[])
    assert "9.5 % of the word pieces" in text and "words of more than 100 characters. Put spaces" in text


def test_words_of_another_language():
    (text,) = warned(language="es", pieces_per_word=1.58)
    assert text == (
        "The encoder does not know the words of the texts: the texts are in Spanish, its vocabulary is English; a word "
        "takes 1.6 word pieces, of English texts with an English encoder 1.1. Take one that knows Spanish, for example "
        "ENCODER=dccuchile/bert-base-spanish-wwm-cased or ENCODER=google-bert/bert-base-multilingual-cased."
    )
    (text,) = warned(pieces_per_word=2.4, language=UNDETERMINED)
    assert "of the texts: a word takes 2.4 word pieces" in text
    (text,) = warned(language="ja", vocabulary_language="zh", spaces=False, pieces_per_word=1.4)
    assert "the texts are in Japanese, its vocabulary is Chinese. Take one" in text


def test_sentences_for_a_page():
    assert advice.sentences(FITS) == [
        "The texts are in English; letters by script: Latin 100 %, Cyrillic 0.1 % (2,000 texts looked at).",
        "With the encoder's vocabulary a word is 1.08 word pieces, 0.1 % of the word pieces are unknown ([UNK]), "
        "and 12 % of the texts have more than the 512 pieces that it reads.",
    ]
    emoji = FITS.model_copy(
        update={"language": UNDETERMINED, "scripts": {}, "spaces": False, "unknown_pieces": 1.0, "unknown_symbols": 1.0}
    )
    first, second, third = advice.sentences(emoji)
    assert first == "The language of the texts is undetermined; they have no letters (2,000 texts looked at)."
    assert second.startswith("With the encoder's vocabulary 100 % of the word pieces are unknown")
    assert [third] == advice.warnings(emoji)


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.001, "0.1 %"), (0.0994, "9.9 %"), (0.1, "10 %"), (1, "100 %")]
)
def test_percent(share, text):
    assert advice.percent(share) == text


def test_the_limits_are_explained():
    page = (ROOT / "docs/explanation/encoder-and-texts.md").read_text(encoding="utf-8")
    assert f"**More than {100 * advice.UNKNOWN_PIECES:.0f} % unknown pieces**" in page
    assert f"**More than {advice.PIECES_PER_WORD} pieces a word**" in page
    assert f"**More than {advice.OF_ANOTHER_LANGUAGE} pieces a word, if" in page
    assert not [name for name in Coverage.model_fields if f"`{name}`" not in page and name not in UNEXPLAINED]
