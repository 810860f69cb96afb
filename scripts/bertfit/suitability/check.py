"""Checks a vocabulary on texts, and writes and reads ``coverage.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bertfit.config.corpus_schema import TextForm
from bertfit.core.errors import UserError
from bertfit.core.files import read_json, write_json
from bertfit.core.pydantic_errors import from_json
from bertfit.suitability import advice
from bertfit.suitability.coverage import Coverage, measure
from bertfit.texts.stored_texts import StoredTexts
from bertfit.tokens import vocabulary_file

TEXTS, CHARACTERS = 2_000, 1_000_000  # of a corpus that are looked at
FIRST_TEXTS, FIRST_CHARACTERS = 1_000, 250_000  # at the start of the program
LONGEST = 512  # word pieces that most encoders read


def build(rows: Path, vocabulary: Path, form: TextForm, max_length: int, out: Path) -> None:
    """Write the coverage of a normalised corpus file by a vocabulary (folder or file), with warnings, as JSON.

    `TEXTS` evenly spaced texts are looked at. Raises `UserError` if the file lacks a column.
    """
    found = measure(StoredTexts(rows, form), vocabulary_file.load(vocabulary), max_length, TEXTS, CHARACTERS)
    write_json(out, _with_warnings(found).model_dump(mode="json"))


def read(path: Path) -> Coverage:
    """Read what `build` wrote. Raises `UserError` if it is missing or damaged."""
    try:
        return from_json(Coverage, read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not the coverage of texts ({error}); delete it and run again") from error


def quick_look(texts: Sequence[str], tokenizer_file: Path, max_length: int = LONGEST) -> Coverage:
    """The coverage, with warnings, of the first `FIRST_TEXTS` texts; loads neither torch nor pandas.

    ``tokenizer_file``: ``tokenizer.json``, ``vocab.txt``, or a folder with the former. Raises `UserError` where that is
    no tokenizer of an encoder.
    """
    tokenizer = vocabulary_file.load(tokenizer_file)
    return _with_warnings(measure(texts[:FIRST_TEXTS], tokenizer, max_length, FIRST_TEXTS, FIRST_CHARACTERS))


def _with_warnings(coverage: Coverage) -> Coverage:
    return coverage.model_copy(update={"warnings": advice.warnings(coverage)})
