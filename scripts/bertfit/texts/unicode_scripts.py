"""Writing systems of texts, by the Unicode script of each character, and whether spaces separate their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal

from fontTools import unicodedata

from bertfit.config.layout_schema import Language
from bertfit.texts.stored_texts import evenly_spaced

SPACELESS = frozenset({"Hani", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
"""Scripts that put no space between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan."""
NO_SCRIPT = frozenset({"Zyyy", "Zinh", "Zzzz"})
"""Characters of no one script: digits, punctuation, emoji, combining marks; unassigned ones."""
SPACELESS_SHARE = 0.25
"""A Chinese word has one or two characters, an English one five letters: from this share of the letters on, most words
are of scripts without spaces."""
SAMPLE = 2_000  # texts that tell the writing system


def counts(texts: Iterable[str]) -> Counter[str]:
    """Letters of each script (ISO 15924 code, ``Latn``); digits, punctuation and emoji, which have none, are left out.

    Texts are read once, one at a time.
    """
    characters: Counter[str] = Counter()
    for text in texts:
        characters.update(text)
    return of_characters(characters)


def of_characters(characters: Counter[str]) -> Counter[str]:
    """As `counts`, from the number of each character."""
    found: Counter[str] = Counter()
    for character, number in characters.items():
        script = unicodedata.script(character)
        if script not in NO_SCRIPT:
            found[script] += number
    return found


def has_spaces(scripts: Counter[str]) -> bool:
    """Whether spaces separate the words of texts with these letters; False where there are no letters at all."""
    letters = scripts.total()
    return letters > 0 and sum(scripts[script] for script in SPACELESS) < SPACELESS_SHARE * letters


def resolved(language: Language, texts: Collection[str]) -> Literal["en", "zh"]:
    """How words and sentences are told apart: ``en`` by spaces, ``zh`` without; ``auto`` by the scripts of the texts.

    `SAMPLE` of the texts are read, and none where the language is declared.
    """
    if language != "auto":
        return language
    return "en" if has_spaces(counts(evenly_spaced(texts, SAMPLE))) else "zh"
