"""Loads WordPiece vocabularies: tokenizer, special tokens, type of the ids."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from bertfit.core.errors import UserError

SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}


def load(path: Path) -> Tokenizer:
    """The tokenizer of a vocabulary folder, or of a lone ``vocab.txt`` (then uncased).

    It never truncates or pads, whatever the file specifies, and treats "[SEP]" and the like in a text as plain text.
    Raises `UserError` if there is no BERT tokenizer.
    """
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"{path}: no tokenizer; give a folder with tokenizer.json, or a vocab.txt")
    try:
        if file.suffix == ".json":
            tokenizer = Tokenizer.from_file(str(file))
        else:
            tokenizer = bert_tokenizer(models.WordPiece.read_file(str(file)))
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"{file}: cannot be read as a tokenizer ({error}); fetch or build it again") from error
    described = json.loads(tokenizer.to_str())
    kind = (described["model"]["type"], (described["normalizer"] or {}).get("type"))
    if kind != ("WordPiece", "BertNormalizer"):
        raise UserError(f"{file}: {kind[0]} with {kind[1]} is not a BERT tokenizer; give an encoder of the BERT family")
    missing = [token for token in SPECIAL.values() if tokenizer.token_to_id(token) is None]
    if missing:
        raise UserError(f"{file}: {', '.join(missing)} missing; add them to the vocabulary")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Ids of ``pad``, ``unk``, ``cls``, ``sep`` and ``mask``."""
    entries = tokenizer.get_vocab()
    return {name: entries[token] for name, token in SPECIAL.items()}


def id_type(tokenizer: Tokenizer) -> tuple[int, pa.DataType]:
    """Size of the vocabulary (highest id + 1), and the narrower of uint16 and int32 that holds its ids."""
    size = max(tokenizer.get_vocab().values()) + 1
    return size, pa.uint16() if size <= 2**16 else pa.int32()


def bert_tokenizer(entries: dict[str, int]) -> Tokenizer:
    """BERT's uncased tokenizer for a vocabulary (token -> id). Raises `ValueError` if special tokens are missing."""
    tokenizer = Tokenizer(models.WordPiece(entries, unk_token=SPECIAL["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    missing = [token for token in SPECIAL.values() if token not in entries]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    cls, sep = (SPECIAL["cls"], entries[SPECIAL["cls"]]), (SPECIAL["sep"], entries[SPECIAL["sep"]])
    tokenizer.post_processor = processors.BertProcessing(sep, cls)
    tokenizer.add_special_tokens(list(SPECIAL.values()))
    return tokenizer
