"""What a vocabulary makes of texts: unknown pieces, pieces a word, cut texts, scripts and language.

Imports neither torch nor pandas, since the first screen of the program shows it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Encoding, Tokenizer

from bertfit.texts import found_language, unicode_scripts
from bertfit.texts.stored_texts import evenly_spaced
from bertfit.tokens import special_tokens
from bertfit.tokens.special_tokens import BEGINS, CONTINUES

SHOWN = 8  # examples of unknown characters
PER_PIECE = 8  # characters of a text that are read for each word piece of the maximum length
SEVERAL = "several"
LONGEST_WORD = 100  # characters; the tokenizer makes one [UNK] of a longer one
VOCABULARY_SAMPLE = 20_000  # pieces that tell the language of a vocabulary
SEVERAL_SHARE = 0.05  # of the pieces that are not of its main script: it was made of several languages
WHOLE_WORD = 4  # letters at least of the words that tell the language


class Coverage(BaseModel):
    """How well a vocabulary covers texts; all shares are from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    texts: int = Field(description="texts that were looked at")
    pieces: int = Field(description="word pieces of these texts")
    unknown_pieces: float = Field(description="share of the pieces that are [UNK]")
    unknown_characters: float = Field(description="share of the visible characters that only ever come out as [UNK]")
    unknown_symbols: float = Field(description="share of these unknown characters that are emoji or other symbols")
    unknown_examples: list[str] = Field(description="the most frequent of them")
    long_words: float = Field(description="share of the [UNK] that are words too long for the tokenizer")
    pieces_per_word: float = Field(description="pieces per word or punctuation mark, as the tokenizer splits them")
    scripts: dict[str, float] = Field(description="share of the letters by script (ISO 15924), largest first")
    spaces: bool = Field(description="whether spaces separate words")
    max_length: int = Field(description="word pieces of a text that the encoder reads, [CLS] and [SEP] included")
    longer: float = Field(description="share of the texts that have more pieces, and are cut")
    language: str = Field(description="language of the texts (ISO 639), or undetermined")
    language_probability: float = Field(description="mean probability of the most probable language")
    vocabulary_language: str = Field(description="language of the vocabulary's words, several, or undetermined")
    warnings: list[str] = Field([], description="what speaks against the encoder, and the cure")

    @property
    def script(self) -> str | None:
        """The script of most letters; None if there are no letters."""
        return next(iter(self.scripts), None)


def measure(texts: Collection[str], tokenizer: Tokenizer, max_length: int, sample: int, characters: int) -> Coverage:
    """Coverage of at most ``sample`` evenly spaced texts with some ``characters`` in all.

    ``tokenizer``: as `vocabulary_file.load` returns it. Deterministic. Of long texts the beginnings are read.
    """
    chosen = [text[: PER_PIECE * max_length] for text in evenly_spaced(texts, sample)]
    total = sum(map(len, chosen))
    if total > characters:
        chosen = list(evenly_spaced(chosen, max(1, len(chosen) * characters // total)))
    entries = tokenizer.get_vocab()
    begins = any(piece.startswith(BEGINS) for piece in entries)
    unknown = special_tokens.ids(tokenizer)["unk"]
    continuing = np.zeros(max(entries.values()) + 1, bool)
    continuing[[number for piece, number in entries.items() if _continues(piece, begins)]] = True
    seen: Counter[str] = Counter()
    within: Counter[str] = Counter()
    pieces = words = unknown_pieces = long_words = longer = 0
    for text, encoding in zip(chosen, tokenizer.encode_batch(chosen, add_special_tokens=False), strict=True):
        ids = np.asarray(encoding.ids, np.int64)
        found = int((ids == unknown).sum())
        pieces, unknown_pieces, words = pieces + len(ids), unknown_pieces + found, words + int((~continuing[ids]).sum())
        longer += len(ids) > max_length - 2
        seen.update(text)
        for start, end in _spans(encoding, unknown) if found else ():
            within.update(filter(_visible, text[start:end]))
            long_words += end - start > LONGEST_WORD
    visible = sum(number for character, number in seen.items() if _visible(character))
    never = {character: number for character, number in within.items() if number == seen[character]}
    lost = sum(never.values())
    symbols = sum(number for character, number in never.items() if unicodedata.category(character)[0] == "S")
    scripts = unicode_scripts.of_characters(seen)
    language = found_language.find(chosen)
    return Coverage(
        texts=len(chosen),
        pieces=pieces,
        unknown_pieces=_share(unknown_pieces, pieces),
        unknown_characters=_share(lost, visible),
        unknown_symbols=_share(symbols, lost),
        unknown_examples=sorted(never, key=lambda character: (-never[character], character))[:SHOWN],
        long_words=_share(long_words, unknown_pieces),
        pieces_per_word=round(pieces / max(1, words), 3),
        scripts={script: _share(number, scripts.total()) for script, number in scripts.most_common()},
        spaces=unicode_scripts.has_spaces(scripts),
        max_length=max_length,
        longer=_share(longer, len(chosen)),
        language=language.code,
        language_probability=language.probability,
        vocabulary_language=vocabulary_language(list(entries)),
    )


def vocabulary_language(pieces: Collection[str]) -> str:
    """The language of a vocabulary's whole words; `SEVERAL` if its pieces are of several scripts.

    Single letters do not count, which most vocabularies have of many scripts, but single Chinese characters do.
    """
    sample = list(evenly_spaced(sorted(pieces), VOCABULARY_SAMPLE))
    known: Counter[str] = Counter()
    for piece in sample:
        letters = piece.removeprefix(CONTINUES).lstrip("".join(BEGINS))
        for script, _ in unicode_scripts.of_characters(Counter(letters)).most_common(1):
            known[script] += len(letters) > 1 or script in unicode_scripts.SPACELESS
    (main, largest), *others = known.most_common() or [("", 0)]
    if main == "Hani" and 2 * largest > known.total():
        return "zh"
    if sum(number for _, number in others) > SEVERAL_SHARE * known.total():
        return SEVERAL
    begins = any(piece.startswith(BEGINS) for piece in sample)
    words = (piece.lstrip("".join(BEGINS)) for piece in sample if not _continues(piece, begins))
    whole = [word for word in words if len(word) >= WHOLE_WORD and not word.startswith("[")]
    return found_language.find(whole).code


def _continues(piece: str, begins: bool) -> bool:
    """Whether a piece is inside a word; ``begins``: whether the vocabulary marks the first piece of a word."""
    return not piece.startswith(BEGINS) if begins else piece.startswith(CONTINUES)


def _spans(encoding: Encoding, unknown: int) -> Iterator[tuple[int, int]]:
    """Begin and end in the text of its [UNK] pieces."""
    return (span for number, span in zip(encoding.ids, encoding.offsets, strict=True) if number == unknown)


def _visible(character: str) -> bool:
    """Neither white space nor a control or format character."""
    return unicodedata.category(character)[0] not in "ZC"


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
