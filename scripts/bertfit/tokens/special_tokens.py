"""The special tokens of a vocabulary: which there are, and where the encoder expects them around a text or a pair."""

from __future__ import annotations

import json
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
BRACKETS = ("<|", "<", "[")
ABSENT = -1
CONTINUES = "##"
"""Begins the pieces inside a word, in vocabularies of word pieces"""
BEGINS = ("\u2581", "\u0120")
"""Begin the first piece of a word after a space, in SentencePiece's and in byte-level vocabularies"""


def ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Ids of ``pad``, ``unk``, ``cls``, ``sep`` and ``mask``; ``unk`` is `ABSENT` where no piece is unknown.

    Raises `UserError` if no token masks words, or if not one is put before a text and one after it.
    """
    cls, sep = _around(tokenizer)
    found = {name: _spelled(tokenizer, name, str(tokenizer.id_to_token(cls))) for name in SPELLINGS}
    unknown = _unknown(tokenizer)
    if found["mask"] == ABSENT:
        raise UserError("it has no token for masked words; give another encoder")
    return {
        "pad": sep if found["pad"] == ABSENT else found["pad"],  # padding is masked, whatever token it is
        "unk": found["unk"] if unknown is None else unknown,
        "cls": cls,
        "sep": sep,
        "mask": found["mask"],
    }


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


def _spelled(tokenizer: Tokenizer, name: str, beside: str) -> int:
    """The id of a token, before others in the brackets that ``beside`` has: MPNet's vocabulary has BERT's, too."""
    style = next((brackets for brackets in BRACKETS if beside.startswith(brackets)), "")
    spellings = SPELLINGS[name]
    return _first(tokenizer, sorted(spellings, key=lambda token: not (style and token.startswith(style))))


def _unknown(tokenizer: Tokenizer) -> int | None:
    """The id that the model of a tokenizer gives what it does not know; None if it says none."""
    model = json.loads(tokenizer.to_str())["model"]
    if model.get("unk_token") is not None:
        return tokenizer.token_to_id(model["unk_token"])
    return model.get("unk_id")


def _first(tokenizer: Tokenizer, spellings: Iterable[str]) -> int:
    """The id of the first of these tokens that there is, or `ABSENT`."""
    return next((id for id in map(tokenizer.token_to_id, spellings) if id is not None), ABSENT)
