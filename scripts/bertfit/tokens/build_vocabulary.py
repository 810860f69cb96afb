"""Builds WordPiece vocabularies, trained on texts or copied from an encoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from bertfit.config.encoder_schema import Vocabulary
from bertfit.core.errors import UserError
from bertfit.core.files import atomic, write_json, write_text
from bertfit.tokens import special_tokens
from bertfit.tokens.special_tokens import SPECIAL
from bertfit.tokens.vocabulary_file import bert_tokenizer, is_bert, load, read_settings


def build(
    vocabulary: Vocabulary,
    *,
    encoder_folder: Path | None,
    texts: list[Path],
    folder: Path,
    token_types: bool | None = None,
) -> None:
    """Write ``tokenizer.json``, ``vocab.txt`` and ``tokenizer_config.json`` into ``folder``.

    The vocabulary is that of ``encoder_folder`` if given, else trained to ``vocabulary.size`` entries on
    ``texts``: text files and corpora (Parquet). ``token_types``: whether the encoder tells segments apart; None: as
    ``encoder_folder`` says. ``vocab.txt`` lists the entries, a line each, whatever the kind of vocabulary. Raises
    `UserError` for unusable files or sizes.
    """
    config: dict[str, Any] = {}
    if encoder_folder is not None:
        tokenizer, settings = load(encoder_folder), read_settings(encoder_folder)
        config |= {key: settings[key] for key in ("model_max_length", "model_input_names") if settings.get(key)}
        if token_types is not None and not (token_types and is_bert(tokenizer)):
            types = ["token_type_ids"] if token_types else []
            config["model_input_names"] = ["input_ids", *types, "attention_mask"]
    elif vocabulary.size is None:
        raise UserError("vocabulary: give 'encoder' to take its vocabulary, or 'texts' and 'size' to train one")
    else:
        tokenizer = bert_tokenizer(_train(texts, vocabulary.size))
    special = {name: tokenizer.id_to_token(id) for name, id in special_tokens.ids(tokenizer).items() if id >= 0}
    bert = is_bert(tokenizer) and special == SPECIAL
    config |= _bert_settings(tokenizer) if bert else {"tokenizer_class": "PreTrainedTokenizerFast"}
    config |= {f"{name}_token": token for name, token in special.items()}
    entries = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    lines = [token.replace("\n", "\\n") for token, _ in entries]
    with atomic(folder) as temporary:
        temporary.mkdir()
        tokenizer.save(str(temporary / "tokenizer.json"))
        write_text(temporary / "vocab.txt", "".join(f"{line}\n" for line in lines))
        write_json(temporary / "tokenizer_config.json", config)


def _bert_settings(tokenizer: Tokenizer) -> dict[str, Any]:
    normalizer = json.loads(tokenizer.to_str())["normalizer"]
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": normalizer["lowercase"],
        "strip_accents": normalizer["strip_accents"],
        "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
    }


def _train(texts: list[Path], size: int) -> dict[str, int]:
    """Train WordPiece to ``size`` entries, token -> id; the same texts always give the same vocabulary.

    The library's trainer numbers the characters inside words in hash order, which differs between processes and affects
    its merges. Passing all characters as special tokens fixes their numbers.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    first: set[str] = set()
    inner: set[str] = set()
    for text in _lines(texts):
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            first.update(word)
            inner.update(word[1:])
    alphabet = [*SPECIAL.values(), *sorted(first), *(f"##{char}" for char in sorted(inner))]
    if not first:
        raise UserError(f"vocabulary: no words in {', '.join(map(str, texts)) or 'texts, which is an empty list'}")
    if len(alphabet) > size:
        raise UserError(f"vocabulary: size {size} is less than the {len(alphabet)} entries of single characters")
    tokenizer.train_from_iterator(
        _lines(texts),
        trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=alphabet, limit_alphabet=len(alphabet), show_progress=False
        ),
    )
    return tokenizer.get_vocab()


def _lines(texts: list[Path]) -> Iterator[str]:
    """Lines of text files and string fields of Parquet files."""
    for path in texts:
        if not path.is_file():
            raise UserError(f"{path}: no such file; it is listed in the texts of a vocabulary")
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            columns = [field.name for field in file.schema_arrow if field.type == pa.string()]
            for batch in file.iter_batches(columns=columns):
                for column in batch.columns:
                    yield from (text for text in column.to_pylist() if text)
        else:
            with open(path, encoding="utf-8") as lines:
                yield from lines
