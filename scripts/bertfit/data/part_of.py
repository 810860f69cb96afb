"""The training split of a corpus, divided into a part to train on and validation data (source ``part_of``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.config.corpus_schema import PartSource
from bertfit.core.errors import UserError
from bertfit.data import splits


def read(source: PartSource, files: Mapping[str, Path]) -> dict[str, pa.Table]:
    """Both splits, of the normalised training split ``files["train"]`` of the other corpus.

    They are divided as a file without test split (`splits.hold_out`). Raises `UserError` if the file cannot be read or
    has too few texts.
    """
    path = files["train"]
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{path}: not a complete Parquet file ({error}); delete it and run the workflow again"
        ) from error
    return splits.hold_out(table, source.held_out, f"{path} (to validate on)")
