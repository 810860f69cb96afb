"""Loads vocabularies: tokenizer, special tokens, type of the ids."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from bertfit.core.errors import UserError
from bertfit.tokens import special_tokens
from bertfit.tokens.special_tokens import SPECIAL

log = logging.getLogger(__name__)


def load(path: Path) -> Tokenizer:
    """The tokenizer of a vocabulary folder, or of a lone ``vocab.txt``.

    A folder without ``tokenizer.json`` has BERT's ``vocab.txt``, and in ``tokenizer_config.json`` how texts are
    normalised; where that is not said, a vocabulary with capitals is cased and others are uncased. The tokenizer never
    truncates or pads, whatever the file specifies, and treats "[SEP]" and the like in a text as plain text. Raises
    `UserError` if there is none, or its special tokens are not those of an encoder.
    """
    file = path
    if path.is_dir():
        file = next((path / name for name in ("tokenizer.json", "vocab.txt") if (path / name).is_file()), path)
    if not file.is_file():
        raise UserError(f"{path}: no tokenizer; {_cure(path)}")
    try:
        if file.suffix == ".json":
            tokenizer = Tokenizer.from_file(str(file))
        else:
            entries = models.WordPiece.read_file(str(file))
            if "<s>" in entries:
                raise UserError(f"{file}: its special tokens are not BERT's; give a folder with a tokenizer.json")
            tokenizer = bert_tokenizer(entries, **_normalisation(file, entries))
    except UserError:
        raise
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"{file}: cannot be read as a tokenizer ({error}); fetch or build it again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    try:
        special_tokens.ids(tokenizer)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    tokenizer.encode_special_tokens = True
    return tokenizer


def is_bert(tokenizer: Tokenizer) -> bool:
    """Whether texts are normalised and split into pieces as BERT's are."""
    described = json.loads(tokenizer.to_str())
    kind = (described["model"]["type"], (described["normalizer"] or {}).get("type"))
    return kind == ("WordPiece", "BertNormalizer")


def id_type(tokenizer: Tokenizer) -> tuple[int, pa.DataType]:
    """Size of the vocabulary (highest id + 1), and the narrower of uint16 and int32 that holds its ids."""
    size = max(tokenizer.get_vocab().values()) + 1
    return size, pa.uint16() if size <= 2**16 else pa.int32()


def read_settings(folder: Path) -> dict[str, Any]:
    """``tokenizer_config.json`` of a folder; empty if there is none. Raises `UserError` if it is damaged."""
    file = folder / "tokenizer_config.json"
    try:
        settings = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise UserError(f"{file}: not JSON ({error}); copy the folder again") from error
    if not isinstance(settings, dict):
        raise UserError(f"{file}: not a JSON object; copy the folder again")
    return settings


def _cure(path: Path) -> str:
    """What to do where a folder has no file that is read."""
    slow = [name for name in ("vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "spm.model")
            if (path / name).is_file()]  # fmt: skip
    if slow:
        return (
            f"its {slow[0]} is that of a slow tokenizer: `AutoTokenizer.from_pretrained(...).save_pretrained(...)` of "
            "transformers writes the tokenizer.json that is read"
        )
    return "give a folder with tokenizer.json, or a vocab.txt"


def _normalisation(vocabulary: Path, entries: Iterable[str]) -> dict[str, Any]:
    """The arguments of `bert_tokenizer` for a ``vocab.txt``, by the settings beside it."""
    settings = read_settings(vocabulary.parent)
    if settings.get("word_tokenizer_type", "basic") != "basic":
        raise UserError(
            f"{vocabulary.parent}: its words are split by {settings['word_tokenizer_type']}, and only BERT's own rules "
            "are available; give an encoder with a tokenizer.json"
        )
    lowercase = settings.get("do_lower_case")
    if lowercase is None:
        lowercase = not has_capitals(entries)
        if not lowercase:
            log.warning("%s has capitals, and do_lower_case is not set beside it: texts keep their case", vocabulary)
    return {
        "lowercase": bool(lowercase),
        "strip_accents": settings.get("strip_accents"),
        "split_chinese": settings.get("tokenize_chinese_chars", True),
    }


def has_capitals(entries: Iterable[str]) -> bool:
    """Whether more than one entry in a hundred, apart from those in brackets such as [CLS], has a capital letter."""
    words = [entry for entry in entries if not (entry.startswith("[") and entry.endswith("]"))]
    return sum(entry != entry.lower() for entry in words) > len(words) / 100


def bert_tokenizer(
    entries: dict[str, int], *, lowercase: bool = True, strip_accents: bool | None = None, split_chinese: bool = True
) -> Tokenizer:
    """BERT's tokenizer for a vocabulary (token -> id): by default the uncased one.

    ``strip_accents``: None, as ``lowercase``. ``split_chinese``: each Chinese character is a word. Raises `ValueError`
    if special tokens are missing.
    """
    tokenizer = Tokenizer(models.WordPiece(entries, unk_token=SPECIAL["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lowercase, strip_accents=strip_accents, handle_chinese_chars=split_chinese
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    missing = [token for token in SPECIAL.values() if token not in entries]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    cls, sep = (SPECIAL["cls"], entries[SPECIAL["cls"]]), (SPECIAL["sep"], entries[SPECIAL["sep"]])
    tokenizer.post_processor = processors.BertProcessing(sep, cls)
    tokenizer.add_special_tokens(list(SPECIAL.values()))
    return tokenizer
