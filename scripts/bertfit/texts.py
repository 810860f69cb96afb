"""Unlabelled texts for pre-training, in the official format: a line a sentence, an empty line after a document."""

from __future__ import annotations

from pathlib import Path

from .errors import UserError
from .files import atomic
from .spec import Text


def build(text: Text, split: str, out: Path) -> None:
    """Write one split of an unlabelled text: a file of the user's, or generated.

    Raises `UserError` if it cannot be had, or is not UTF-8.
    """
    with atomic(out) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        if text.world:
            from . import world

            for document in world.documents(text.world.corpus, split, text.world.seed):
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
