"""A tokenised corpus of a few texts."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.config.layout_schema import Join, TextForm
from bertfit.tokens import token_file, tokenize_corpus

ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "-", "##b", "[", "]", "sep"]


def write_corpus(path: Path, **fields: list[str]) -> Path:
    count = len(next(iter(fields.values())))
    table = pa.table({**fields, "label": pa.array([i % 2 for i in range(count)], pa.int32())})
    pq.write_table(table.replace_schema_metadata({"label_names": json.dumps(["no", "yes"])}), path, row_group_size=2)
    return path


def built(
    folder: Path, vocabulary: Path, join: Join, pair: Join | None = None, **fields: list[str]
) -> token_file.Tokens:
    form = TextForm(fields=list(fields), text=join, pair=pair)
    tokenize_corpus.build(write_corpus(folder / "train.parquet", **fields), vocabulary, form, folder / "train.arrow")
    return token_file.read(folder / "train.arrow")


def write_lengths(path: Path, texts: int, length: int) -> None:
    """Write a token file of ``texts`` single texts of ``length`` word pieces, without the metadata that a run needs."""
    table = pa.table(
        {
            "input_ids": pa.array([[7] * length] * texts, pa.list_(pa.uint16())),
            "pair_ids": pa.nulls(texts, pa.list_(pa.uint16())),
            "label": pa.array([0] * texts, pa.int32()),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
