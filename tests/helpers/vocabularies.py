"""A vocabulary of a few entries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BASE = [*SPECIAL, "[", "]", "sep", "caf", "##e", "un", "##aff", "##able", "!", "中", "σας"]


def write_vocabulary(folder: Path, entries: Sequence[str]) -> Path:
    """Write ``vocab.txt``; its path."""
    path = folder / "vocab.txt"
    path.write_text("\n".join(entries) + "\n", encoding="utf-8")
    return path
