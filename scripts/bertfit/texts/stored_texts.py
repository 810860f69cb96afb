"""Reads the texts of a normalised corpus file, as they are classified, a few at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.config.layout_schema import Join, TextForm
from bertfit.core.errors import UserError

ROWS = 4096  # texts in memory at a time


@dataclass(frozen=True)
class StoredTexts(Collection[str]):
    """The texts of a split: the non-empty fields joined, and the pair behind them. Each iteration reads the file.

    ``rows``: which, ascending; None for all. Iterating raises `UserError` where a column is missing.
    """

    path: Path
    form: TextForm
    rows: npt.NDArray[np.integer] | None = None

    def __len__(self) -> int:
        return pq.ParquetFile(self.path).metadata.num_rows if self.rows is None else len(self.rows)

    def __contains__(self, text: object) -> bool:
        return any(text == other for other in self)

    def __iter__(self) -> Iterator[str]:
        keep = None
        if self.rows is not None:
            keep = np.zeros(pq.ParquetFile(self.path).metadata.num_rows, bool)
            keep[self.rows] = True
        number = 0
        for batch in self._batches():
            for row in batch.to_pylist():
                if keep is None or keep[number]:
                    parts = (join.separator.join(filter(None, map(row.get, join.fields))) for join in self._joins)
                    yield " ".join(filter(None, parts))
                number += 1

    def characters(self, longest: int) -> int:
        """Characters of all fields of all rows of the file, at most ``longest`` of each field."""
        lengths = (pc.min_element_wise(pc.utf8_length(field), longest) for batch in self._batches() for field in batch)
        return sum(pc.sum(length).as_py() or 0 for length in lengths)

    @property
    def _joins(self) -> list[Join]:
        return [self.form.text] + ([self.form.pair] if self.form.pair else [])

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """The columns of the text, of all rows."""
        wanted = list(dict.fromkeys(name for join in self._joins for name in join.fields))
        file = pq.ParquetFile(self.path)
        for name in wanted:
            if name not in file.schema_arrow.names:
                columns = ", ".join(file.schema_arrow.names)
                raise UserError(
                    f"{self.path}: no column {name!r} (it has {columns}); correct the corpus's 'text' or 'pair'"
                )
        yield from file.iter_batches(ROWS, columns=wanted)


def chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Lists of `ROWS` texts."""
    rest = iter(texts)
    return iter(lambda: list(islice(rest, ROWS)), [])


def evenly_spaced(texts: Collection[str], number: int) -> Iterator[str]:
    """At most ``number`` of the texts, from the first to the last: a file may be sorted by class."""
    keep = np.zeros(len(texts), bool)
    keep[np.linspace(0, len(texts) - 1, min(len(texts), number)).astype(int)] = True
    return (text for text, kept in zip(texts, keep, strict=True) if kept)
