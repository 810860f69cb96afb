"""Reads pre-training text in the official format, as create_pretraining_data.py of the official code does."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from tokenizers import Tokenizer

from bertfit.core.errors import UserError
from bertfit.tokens import official_wordpiece, vocabulary_file


class Documents(NamedTuple):
    """Tokenised texts as flat arrays: piece ids, offsets of lines among the pieces, of documents among the lines.

    ``lines`` and ``documents`` have one entry more than there are lines and documents.
    """

    pieces: array[int]
    lines: array[int]
    documents: array[int]


def read(files: Iterable[Path], tokenizer: Tokenizer) -> Documents:
    """Read and tokenise texts as create_pretraining_data.py does, by a vocabulary's own rules if it is not BERT's.

    Lines without tokens and documents without lines are left out. A document continues in the next file unless an empty
    line ends it. Raises `UserError` for files that are missing, not UTF-8 or without any text.
    """
    files = list(files)
    if vocabulary_file.is_bert(tokenizer):
        pieces_of: Callable[[str], list[int]] = official_wordpiece.OfficialPieces(tokenizer)
    else:
        pieces_of = lambda line: tokenizer.encode(line, add_special_tokens=False).ids  # noqa: E731
    _, kind = vocabulary_file.id_type(tokenizer)
    pieces, lines, documents = array("H" if kind == pa.uint16() else "i"), array("q", [0]), array("q", [0])
    for line in _lines(files):
        ids = pieces_of(line)
        if ids:
            pieces.extend(ids)
            lines.append(len(pieces))
        elif not line and documents[-1] < len(lines) - 1:
            documents.append(len(lines) - 1)
    if documents[-1] < len(lines) - 1:
        documents.append(len(lines) - 1)
    if not pieces:
        raise UserError(f"{', '.join(map(str, files))}: no text to pre-train on; give at least one document")
    return Documents(pieces, lines, documents)


def _lines(files: Iterable[Path]) -> Iterator[str]:
    """Stripped lines. Read as bytes, because only a line feed ends a line."""
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: no such file; it is listed as pre-training text")
        with open(path, "rb") as handle:
            for number, line in enumerate(handle, 1):
                try:
                    yield line.decode().strip()
                except UnicodeDecodeError as error:
                    raise UserError(f"{path}: line {number} is not UTF-8 ({error}); convert the file") from error
