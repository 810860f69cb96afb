"""Reads pre-training instances from a memory-mapped file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bertfit.core.errors import UserError

if TYPE_CHECKING:
    from bertfit.tokens.truncation import Ids

BLOCK_ROWS = 16_384  # rows of a record batch
DYNAMIC = "dynamic"
"""In the metadata, of texts without masks: words are masked when they are read"""


class Instance(NamedTuple):
    """A pre-training instance of T tokens, M of them masked; all arrays are views."""

    ids: Ids
    """(T,): [CLS] A [SEP] B [SEP], after masking."""
    a_length: int
    """Tokens of segment 0, [CLS] A [SEP]."""
    random_next: bool
    positions: npt.NDArray[np.int16]
    """(M,) masked positions, ascending."""
    labels: Ids
    """(M,) the original ids at these positions."""


class Instances:
    """The instances of a file, as views on the memory map.

    ``unmasked``: their words are not masked yet.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path``; raises `UserError` if it is not a complete instances file."""
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            self._blocks = [_views(reader.get_batch(number)) for number in range(reader.num_record_batches)]
            self._length = int(reader.schema.metadata[b"instances"])
            self.unmasked = reader.schema.metadata.get(b"masking") == DYNAMIC.encode()
        except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a complete instances file ({error}); delete it and run again") from error

    def __len__(self) -> int:
        """Number of instances."""
        return self._length

    def get(self, i: int) -> Instance:
        """Instance ``i`` of the official order."""
        block, row = divmod(i, BLOCK_ROWS)
        ids, starts, a_length, random_next, positions, masked, labels = self._blocks[block]
        tokens = slice(starts[row], starts[row + 1])
        masks = slice(masked[row], masked[row + 1])
        return Instance(ids[tokens], int(a_length[row]), bool(random_next[row]), positions[masks], labels[masks])


def read(path: Path) -> Instances:
    """Open an instances file, in milliseconds. Raises `UserError` if it is not a complete one."""
    return Instances(path)


def _views(batch: pa.RecordBatch) -> tuple[Any, ...]:
    ids, positions, labels = (batch[name] for name in ("input_ids", "positions", "labels"))
    return (
        ids.values.to_numpy(),
        ids.offsets.to_numpy(),
        batch["a_length"].to_numpy(),
        batch["random_next"].to_numpy(zero_copy_only=False),
        positions.values.to_numpy(),
        positions.offsets.to_numpy(),
        labels.values.to_numpy(),
    )
