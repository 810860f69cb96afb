"""Reads of your own file what the first screen shows: rows by label, and how long the texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bertfit.core import text_columns
from bertfit.own_dataset import encoder_folder, own_data
from bertfit.suitability import check
from bertfit.terminal.first_screen import TextSizes

MOST_ROWS = 200_000  # whose labels are counted: a second or two


def class_counts(path: Path, label: str | int) -> Counter[str]:
    """Rows by label among the first `MOST_ROWS`. Raises `UserError` as `text_columns.read_column`."""
    return Counter(name.strip() for name in islice(text_columns.read_column(path, label), MOST_ROWS))


def rows(path: Path, counted: int) -> int:
    """Number of rows of a file of which ``counted`` were counted; at most as many where texts contain line ends."""
    return counted if counted < MOST_ROWS else max(counted, text_columns.count_rows(path))


def lengths(path: Path, text: str | int, longest: int) -> TextSizes:
    """TextSizes of the first `own_data.SAMPLED_ROWS` texts, of which an encoder reads ``longest`` pieces each.

    Raises `UserError` for a file without rows, and as `text_columns.read_column`.
    """
    words = [len(row.split()) for row in islice(text_columns.read_column(path, text), own_data.SAMPLED_ROWS)]
    pieces = own_data.inspect_file(path, text).lengths
    cut = sum(length + 2 > longest for length in pieces) / len(pieces)
    return TextSizes(len(pieces), _quantiles(words), _quantiles(pieces), cut)


def warnings(path: Path, text: str | int, encoder: Mapping[str, Any], longest: int) -> list[str]:
    """What speaks against a declared ``encoder`` for the first texts; nothing if its folder is not on this machine."""
    folder = encoder_folder.located(encoder)
    if folder is None or not (folder / "tokenizer.json").is_file():
        return []
    texts = list(islice(text_columns.read_column(path, text), check.FIRST_TEXTS))
    return check.quick_look(texts, folder / "tokenizer.json", longest).warnings


def _quantiles(numbers: Sequence[int]) -> tuple[int, int]:
    """The median, and the 95th percentile as `search_budget.plan` takes it."""
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
