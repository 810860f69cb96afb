"""Word pieces identical to those of tokenization.py of the official code."""

from __future__ import annotations

import json
import unicodedata
from itertools import chain

from tokenizers import Tokenizer, models

from bertfit.tokens.special_tokens import SPECIAL

# The blocks whose characters tokenization.py (google-research/bert) treats as words.
_CHINESE = (
    range(0x4E00, 0xA000),
    range(0x3400, 0x4DC0),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2CEB0),
    range(0xF900, 0xFB00),
    range(0x2F800, 0x2FA20),
)
_LONGEST_WORD = 200  # characters; longer words are [UNK] (the pre-training tokenizer; the fine-tuning one has 100)
_CACHED_WORDS = 300_000  # about 70 MB


class OfficialPieces:
    """Tokenizer identical to the tokenization.py behind the paper's pre-training data: ``pieces(line)`` returns ids.

    It differs from the Rust tokenizer in rare characters (unassigned ones, final sigma, some newer CJK), and is three
    times as fast, because words and characters are cached.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Use the vocabulary of ``tokenizer`` and its settings of lower case, accents and Chinese characters."""
        settings = json.loads(tokenizer.to_str())["normalizer"]
        self._lower: bool = settings["lowercase"]
        accents: bool | None = settings["strip_accents"]
        self._characters = _Characters(self._lower if accents is None else accents, settings["handle_chinese_chars"])
        self._words = _Words(
            models.WordPiece(tokenizer.get_vocab(), unk_token=SPECIAL["unk"], max_input_chars_per_word=_LONGEST_WORD)
        )

    def __call__(self, line: str) -> list[int]:
        """Ids of the pieces of ``line``; empty if it has only white space and control characters."""
        if len(self._words) > _CACHED_WORDS:
            self._words.clear()
        if self._lower:
            if "Σ" in line:  # its lower case depends on its neighbours, so remove characters to be dropped first
                line = "".join(char for char in line if self._characters[ord(char)])
            line = line.lower()
        return list(chain.from_iterable(map(self._words.__getitem__, line.translate(self._characters).split())))


class _Characters(dict[int, str]):
    """Code point -> its text after cleaning, with spaces at word boundaries, without accents if ``strip``."""

    def __init__(self, strip: bool, split_chinese: bool) -> None:
        self._strip = strip
        self._split_chinese = split_chinese

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if char in "\t\n\r" or category == "Zs":
            text = " "
        elif char == "\ufffd" or category.startswith("C"):
            text = ""
        else:
            parts = [part for part in unicodedata.normalize("NFD", char) if unicodedata.category(part) != "Mn"]
            text = "".join(f" {part} " if _is_punctuation(part) else part for part in (parts if self._strip else char))
            if self._split_chinese and any(code in block for block in _CHINESE):
                text = f" {text} "
        self[code] = text
        return text


class _Words(dict[str, tuple[int, ...]]):
    """Word -> ids of its pieces."""

    def __init__(self, model: models.WordPiece) -> None:
        self._model = model

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids = self[word] = tuple(token.id for token in self._model.tokenize(word))
        return ids


def _is_punctuation(char: str) -> bool:
    # All visible ASCII characters but letters and digits, including those that Unicode classes as symbols.
    return (char.isascii() and not char.isalnum() and char > " ") or unicodedata.category(char).startswith("P")
