"""Tokenises a corpus into the file that `token_file` reads."""

from __future__ import annotations

from array import array
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.config.layout_schema import Join, TextForm
from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.core.files import atomic
from bertfit.tokens import special_tokens, vocabulary_file

_ROWS = 4096  # documents tokenised at a time


def build(parquet: Path, vocabulary: Path, form: TextForm, out: Path) -> None:
    """Tokenise the normalised corpus file ``parquet`` into the Arrow file ``out``.

    Ids are kept in memory until written, 2 bytes per word piece: some 350 MB for the 1.4 million questions and answers
    of Yahoo. Raises `UserError` if the file lacks a column.
    """
    tokenizer = vocabulary_file.load(vocabulary)
    size, kind = vocabulary_file.id_type(tokenizer)
    file = pq.ParquetFile(parquet)
    metadata = file.schema_arrow.metadata or {}
    joins = [form.text] + ([form.pair] if form.pair else [])
    wanted = [*dict.fromkeys(name for join in joins for name in join.fields), "label"]
    for name in wanted:
        if name not in file.schema_arrow.names:
            columns = ", ".join(file.schema_arrow.names)
            raise UserError(f"{parquet}: no column {name!r} (it has {columns}); correct the corpus's 'text' or 'pair'")
    lists = [_Lists(kind) for _ in joins]
    labels = array("i")
    for batch in file.iter_batches(_ROWS, columns=wanted):
        labels.extend(batch["label"].to_pylist())
        for join, column in zip(joins, lists, strict=True):
            for encoding in tokenizer.encode_batch_fast(_texts(batch, join), add_special_tokens=False):
                column.append(encoding.ids)
    count = len(labels)
    arrays = [column.arrow() for column in lists]
    if form.pair is None:
        all_null = [pa.py_buffer(bytes(-(-count // 8))), pa.py_buffer(bytes(4 * (count + 1)))]
        arrays.append(pa.Array.from_buffers(pa.list_(kind), count, all_null, children=[pa.array([], kind)]))
    arrays.append(pa.Array.from_buffers(pa.int32(), count, [None, pa.py_buffer(labels)]))
    facts = {"label_names": metadata.get(b"label_names", b"[]").decode(), "vocabulary_size": str(size)}
    facts |= label_sets.metadata(label_sets.read(metadata))
    facts |= {name: str(number) for name, number in special_tokens.ids(tokenizer).items()}
    facts["separators"] = str(special_tokens.separators(tokenizer) if form.pair else 1)
    names = ["input_ids", "pair_ids", "label"]
    schema = pa.schema([(name, array.type) for name, array in zip(names, arrays, strict=True)], metadata=facts)
    with atomic(out) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))


class _Lists:
    """A growing list column: flat values and offsets."""

    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind
        self._values = array("H" if kind == pa.uint16() else "i")
        self._offsets = array("i", [0])

    def append(self, ids: list[int]) -> None:
        self._values.extend(ids)
        self._offsets.append(len(self._values))

    def arrow(self) -> pa.Array:
        values = pa.Array.from_buffers(self._kind, len(self._values), [None, pa.py_buffer(self._values)])
        offsets = pa.py_buffer(self._offsets)
        return pa.Array.from_buffers(pa.list_(self._kind), len(self._offsets) - 1, [None, offsets], children=[values])


def _texts(batch: pa.RecordBatch, join: Join) -> list[str]:
    """The non-empty fields of each row, joined by the separator."""
    rows = zip(*(batch[name].to_pylist() for name in join.fields), strict=True)
    return [join.separator.join(filter(None, row)) for row in rows]
