"""Reads of your own file what the first screen shows: rows by label, and how long the texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bertfit.core import row_readers, text_columns
from bertfit.data import label_lists
from bertfit.encoders import encoder_folder
from bertfit.own_dataset import own_data
from bertfit.suitability import check
from bertfit.terminal.first_screen import SampledLengths

MOST_ROWS = 200_000  # whose labels are counted: a second or two


def class_counts(path: Path, label: str | int, multilabel: str | None = None) -> tuple[Counter[str], int]:
    """Rows by label among the first `MOST_ROWS`, and how many rows these are.

    ``multilabel``: what separates several labels of a text, as in a source. Raises `UserError` as
    `text_columns.read_column`.
    """
    if multilabel is None:
        counts = Counter(name.strip() for name in islice(text_columns.read_column(path, label), MOST_ROWS))
        return counts, counts.total()
    rows = label_lists.parse(islice(_cells(path, label), MOST_ROWS), multilabel, str(path)).to_pylist()
    return Counter(name for of_row in rows for name in of_row), len(rows)


def rows(path: Path, counted: int) -> int:
    """Number of rows of a file of which ``counted`` were counted; at most as many where texts contain line ends."""
    return counted if counted < MOST_ROWS else max(counted, text_columns.count_rows(path))


def lengths(path: Path, text: str | int, longest: int) -> SampledLengths:
    """Lengths of the first `own_data.SAMPLED_ROWS` texts, of which an encoder reads ``longest`` pieces each.

    Raises `UserError` for a file without rows, and as `text_columns.read_column`.
    """
    words = [len(row.split()) for row in islice(text_columns.read_column(path, text), own_data.SAMPLED_ROWS)]
    pieces = own_data.inspect_file(path, text).lengths
    cut = sum(length + 2 > longest for length in pieces) / len(pieces)
    return SampledLengths(len(pieces), _quantiles(words), _quantiles(pieces), cut)


def warnings(path: Path, text: str | int, encoder: Mapping[str, Any], longest: int) -> list[str]:
    """What speaks against a declared ``encoder`` for the first texts; nothing if its folder is not on this machine."""
    folder = encoder_folder.located(encoder)
    if folder is None or not (folder / "tokenizer.json").is_file():
        return []
    texts = list(islice(text_columns.read_column(path, text), check.FIRST_TEXTS))
    return check.quick_look(texts, folder / "tokenizer.json", longest).warnings


def _cells(path: Path, label: str | int) -> Iterator[Any]:
    """Cells of a column, which may be lists in JSON and Parquet."""
    if path.suffix.lower() in (".json", ".jsonl"):
        return (row.get(row_readers.composed(label)) for row in row_readers.objects(path, []))
    if path.suffix.lower() == ".parquet":
        file = pq.ParquetFile(path)
        name = file.schema_arrow.names[row_readers.column_position(label, file.schema_arrow.names, path)]
        return (cell for batch in file.iter_batches(columns=[name]) for cell in batch[name].to_pylist())
    return text_columns.read_column(path, label)


def _quantiles(numbers: Sequence[int]) -> tuple[int, int]:
    """The median, and the 95th percentile as `search_budget.plan` takes it."""
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
