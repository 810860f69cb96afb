"""Unlabelled pre-training text in the official format: a sentence per line, an empty line after each document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from bertfit.config.corpus_schema import HubSource, Text
from bertfit.core.errors import UserError
from bertfit.core.files import atomic

HEADING = re.compile(r"\s*=+ .* =+\s*")  # of WikiText: = Title =, = = Section = =


def build(text: Text, split: str, out: Path) -> None:
    """Write one split of an unlabelled text: from a user's file, from the hub, or synthetic.

    Raises `UserError` if it is unavailable, empty, or not UTF-8.
    """
    with atomic(out) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as stream:
        if text.synthetic or text.hub:
            for document in _generated(text, split) if text.synthetic else _downloaded(text, split):
                stream.write("\n".join(document) + "\n\n")
            return
        path = text.path if split == "train" else text.test
        if path and text.column is not None:
            for document in _rows(Path(path), text.column):
                stream.write("\n".join(document) + "\n\n")
            return
        if path is None:
            raise UserError(f"the text has no {split} split; declare a file for it")
        empty = True
        try:
            for line in _lines(Path(path)):
                stream.write(line)
                empty = empty and not line.strip()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        if empty:
            raise UserError(f"{path}: no text in it; give at least one document")


def _lines(path: Path) -> Iterator[str]:
    """Lines of a file, ending in a line feed. Read as bytes, so that an error can give the position in the file."""
    offset = 0
    with open(path, "rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                yield line.decode().replace("\r\n", "\n").replace("\r", "\n")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}: line {number}, byte {offset + error.start} (from 0) is not UTF-8; save the file as UTF-8"
                ) from error
            offset += len(line)


def _generated(text: Text, split: str) -> Iterable[list[str]]:
    from bertfit.synthetic import generated_texts

    assert text.synthetic
    return generated_texts.documents(text.synthetic.corpus, split, text.synthetic.seed)


def _downloaded(text: Text, split: str) -> Iterator[list[str]]:
    """The sentences of each row that is neither empty nor a heading."""
    from bertfit.data import hub

    assert text.hub
    source = text.hub.model_dump(include={"dataset", "config", "revision", "data_files"})
    columns = {
        "columns": {"text": text.hub.field},
        "label": text.hub.field,
    }  # unlabelled, but a source must name a column
    rows = hub.read(HubSource.model_validate(source | columns), split)["text"]
    wanted = (row for chunk in rows.chunks for row in chunk.to_pylist() if not HEADING.fullmatch(row))
    yield from _sentences(wanted, f"hub data set {text.hub.dataset} ({split}): no text in column {text.hub.field!r}")


def _rows(path: Path, column: str | int) -> Iterator[list[str]]:
    """The sentences of each non-empty row of a table."""
    from bertfit.core import text_columns

    yield from _sentences(
        text_columns.read_column(path, column), f"{path}: no text in column {column!r}; name another one"
    )


def _sentences(rows: Iterable[str], empty: str) -> Iterator[list[str]]:
    """The sentences of each non-empty row. Raises `UserError` with the message ``empty`` if there is none."""
    from bertfit.pretraining_texts.sentences import sentence_splitter

    split, _ = sentence_splitter("en")
    wanted, count = (text for row in rows if (text := " ".join(row.split()))), 0
    while batch := list(islice(wanted, 4096)):
        for sentences in split(batch):
            yield [line for line in (sentence.strip() for sentence in sentences) if line]
        count += len(batch)
    if not count:
        raise UserError(empty)
