"""Reads the word pieces of a corpus from a memory-mapped file: tokenised once, without special tokens or truncation.

Each column is a flat buffer of values and one of offsets, so a document is a slice and no truncation tokenises again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.core.label_sets import LabelSets

if TYPE_CHECKING:
    from bertfit.tokens.truncation import Ids


@dataclass(frozen=True)
class Tokens:
    """The documents of one split. Arrays are views on the memory-mapped file; document i is ``ids(i)``."""

    values: Ids
    """Word pieces of all texts, concatenated (uint16 or int32)."""
    offsets: npt.NDArray[np.int32]
    """Text i is ``values[offsets[i] : offsets[i + 1]]``; (documents + 1,)."""
    pair_values: Ids | None
    """The same for second segments; None if the corpus has no pairs."""
    pair_offsets: npt.NDArray[np.int32] | None
    labels: npt.NDArray[np.int32]
    """Classes, or numbers of ``label_sets``; (documents,)."""
    label_names: list[str]
    cls: int
    sep: int
    pad: int
    mask: int
    unk: int
    vocabulary_size: int
    separators: int = 1
    """Of ``sep``, between the two texts of a pair."""
    label_sets: LabelSets | None = None
    """Sets of classes, where a document may have several (`core.label_sets`)."""

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.labels)

    def ids(self, i: int) -> Ids:
        """Word pieces of text ``i``; may be empty."""
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def pair(self, i: int) -> Ids | None:
        """Word pieces of the second segment of example ``i``; None if the corpus has no pairs."""
        if self.pair_values is None or self.pair_offsets is None:
            return None
        return self.pair_values[self.pair_offsets[i] : self.pair_offsets[i + 1]]


def read(path: Path) -> Tokens:
    """Open a tokens file, in milliseconds whatever its size. Raises `UserError` if it is not a complete one."""
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        batch = reader.get_batch(0)
        facts = {key.decode(): value.decode() for key, value in (reader.schema.metadata or {}).items()}
        values, offsets = _views(batch["input_ids"])
        pair_values, pair_offsets = _views(batch["pair_ids"])
        paired = batch["pair_ids"].null_count == 0
        return Tokens(
            values=values,
            offsets=offsets,
            pair_values=pair_values if paired else None,
            pair_offsets=pair_offsets if paired else None,
            labels=batch["label"].to_numpy(),
            label_names=json.loads(facts["label_names"]),
            cls=int(facts["cls"]),
            sep=int(facts["sep"]),
            pad=int(facts["pad"]),
            mask=int(facts["mask"]),
            unk=int(facts["unk"]),
            vocabulary_size=int(facts["vocabulary_size"]),
            separators=int(facts.get("separators", 1)),
            label_sets=label_sets.read(reader.schema.metadata),
        )
    except (OSError, pa.ArrowInvalid, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: not a complete tokens file ({error}); delete it and run the workflow again"
        ) from error


def _views(column: Any) -> tuple[Ids, npt.NDArray[np.int32]]:
    return column.values.to_numpy(), column.offsets.to_numpy()
