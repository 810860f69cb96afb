"""The special tokens of a vocabulary: which there are, and where the encoder expects them around a text or a pair."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer

from bertfit.core.errors import UserError

SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
"""BERT's."""
SPELLINGS = {
    "pad": (SPECIAL["pad"], "<pad>", "<|pad|>"),
    "unk": (SPECIAL["unk"], "<unk>", "<|unk|>"),
    "mask": (SPECIAL["mask"], "<mask>", "<|mask|>"),
}
"""Those of the families; ``cls`` and ``sep`` are what a tokenizer puts around a text."""
ABSENT = -1
CONTINUES = "##"
"""Begins the pieces inside a word, in vocabularies of word pieces"""
BEGINS = ("\u2581", "\u0120")
"""Begin the first piece of a word after a space, in SentencePiece's and in byte-level vocabularies"""


def ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Ids of ``pad``, ``unk``, ``cls``, ``sep`` and ``mask``; ``unk`` is `ABSENT` where no piece is unknown.

    Raises `UserError` if there is no token of a kind, or if not one is put before a text and one after it.
    """
    found = {name: _first(tokenizer, spellings) for name, spellings in SPELLINGS.items()}
    cls, sep = _around(tokenizer)
    if missing := [name for name in ("pad", "mask") if found[name] == ABSENT]:
        raise UserError(f"it has no token for {' and none for '.join(missing)}; give another encoder")
    return {"pad": found["pad"], "unk": found["unk"], "cls": cls, "sep": sep, "mask": found["mask"]}


def separators(tokenizer: Tokenizer) -> int:
    """Number of separating tokens between the two texts of a pair: 1, or 2 as RoBERTa's.

    Raises `UserError` if other tokens are put around a pair.
    """
    cls, sep = _around(tokenizer)
    around = tokenizer.encode("", "").ids or [cls, sep, sep]
    if around not in ([cls, sep, sep], [cls, sep, sep, sep]):
        tokens = " ".join(map(str, map(tokenizer.id_to_token, around)))
        raise UserError(f"pairs of texts get the tokens {tokens}, which is the way of no family; give another encoder")
    return len(around) - 2


def _around(tokenizer: Tokenizer) -> tuple[int, int]:
    """The token before a text, and that after it."""
    around = tokenizer.encode("").ids
    if not around:  # files of the first BERTs do not say it
        around = [_first(tokenizer, [SPECIAL[name]]) for name in ("cls", "sep")]
    if len(around) != 2 or ABSENT in around:
        raise UserError(
            "it does not put one token before a text and one after it, as encoders that classify texts do; give another"
            " encoder"
        )
    return around[0], around[1]


def _first(tokenizer: Tokenizer, spellings: Iterable[str]) -> int:
    """The id of the first of these tokens that there is, or `ABSENT`."""
    return next((id for id in map(tokenizer.token_to_id, spellings) if id is not None), ABSENT)
