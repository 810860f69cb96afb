"""Unlabelled texts for pre-training, in the official format: a line a sentence, an empty line after a document."""

from __future__ import annotations

from pathlib import Path

from .errors import UserError
from .files import atomic
from .spec import Text


def build(text: Text, split: str, out: Path) -> None:
    """Write one split of an unlabelled text. A file of the user's is the training split; it has no other.

    Raises `UserError` if it cannot be had, or is not UTF-8.
    """
    with atomic(out) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        if text.world:
            from . import world

            for document in world.documents(text.world.corpus, split, text.world.seed):
                stream.write("\n".join(document) + "\n\n")
            return
        if text.path is None or split != "train":
            raise UserError(f"the text has no {split} split; give it a path or take it from the world")
        try:
            with open(text.path, encoding="utf-8") as lines:
                stream.writelines(lines)
        except OSError as error:
            raise UserError(f"{text.path}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{text.path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
