"""Unlabelled texts for pre-training, in the official format: a line a sentence, an empty line after a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .errors import UserError
from .files import atomic
from .spec import HubSource, Text

HEADING = re.compile(r"\s*=+ .* =+\s*")  # of WikiText: = Title =, = = Section = =


def build(text: Text, split: str, out: Path) -> None:
    """Write one split of an unlabelled text: a file of the user's, rows of the hub, or generated.

    Raises `UserError` if it cannot be had, is empty, or is not UTF-8.
    """
    with atomic(out) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as stream:
        if text.world or text.hub:
            for document in _generated(text, split) if text.world else _downloaded(text, split):
                stream.write("\n".join(document) + "\n\n")
            return
        path = text.path if split == "train" else text.test
        if path is None:
            raise UserError(f"the text has no {split} split; declare a file for it")
        try:
            with open(path, encoding="utf-8") as lines:
                stream.writelines(lines)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _generated(text: Text, split: str) -> Iterable[list[str]]:
    from . import world

    assert text.world
    return world.documents(text.world.corpus, split, text.world.seed)


def _downloaded(text: Text, split: str) -> Iterator[list[str]]:
    """The sentences of each row that is neither empty nor a heading."""
    from . import documents, hub

    assert text.hub
    source = text.hub.model_dump(include={"dataset", "config", "revision", "data_files"})
    columns = {"columns": {"text": text.hub.field}, "label": text.hub.field}  # a text has no label, a corpus must
    rows = hub.read(HubSource.model_validate(source | columns), split)["text"]
    cut, _ = documents.sentences("en")
    count = 0
    for chunk in rows.chunks:
        wanted = [" ".join(row.split()) for row in chunk.to_pylist() if row.strip() and not HEADING.fullmatch(row)]
        for sentences in cut(wanted):
            yield [line for line in (sentence.strip() for sentence in sentences) if line]
            count += 1
    if not count:
        raise UserError(f"hub data set {text.hub.dataset} ({split}): no text in column {text.hub.field!r}")
