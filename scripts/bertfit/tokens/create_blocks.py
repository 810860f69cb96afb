"""Builds the texts of masked-language modelling without next-sentence prediction: whole sentences, one after the other.

As the FULL-SENTENCES of RoBERTa (Liu et al. 2019, section 4.2): sentences of consecutive documents fill a block up to
its length, with a separator where a document ends. No word is masked here: `dynamic_masking` masks others each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from bertfit.config.hyperparameters import Pretrain
from bertfit.core.files import atomic
from bertfit.tokens import instance_file, pretraining_text, special_tokens, vocabulary_file
from bertfit.tokens.pretraining_text import Documents


def build(files: list[Path], vocabulary: Path, pretrain: Pretrain, out: Path) -> dict[str, int]:
    """Write the blocks of texts in the official format to the Arrow file ``out``.

    Returns counts: documents, instances, tokens (with special ones). Raises `UserError` for files that are missing, not
    UTF-8 or without text.
    """
    tokenizer = vocabulary_file.load(vocabulary)
    texts = pretraining_text.read(files, tokenizer)
    special = special_tokens.ids(tokenizer)
    size, kind = vocabulary_file.id_type(tokenizer)
    columns = {"input_ids": pa.list_(kind), "a_length": pa.int16(), "random_next": pa.bool_()}
    columns |= {"positions": pa.list_(pa.int16()), "labels": pa.list_(kind)}
    blocks = list(_blocks(texts, pretrain.max_length - 2, special["sep"]))
    facts = special | {"vocabulary_size": size, "instances": len(blocks)}
    metadata = {name: str(number) for name, number in facts.items()} | {"masking": instance_file.DYNAMIC}
    schema = pa.schema(list(columns.items()), metadata=metadata)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic(out) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, len(blocks), instance_file.BLOCK_ROWS):
            rows = [
                [special["cls"], *block, special["sep"]] for block in blocks[start : start + instance_file.BLOCK_ROWS]
            ]
            lengths = [len(row) for row in rows]
            empty: list[list[int]] = [[]] * len(rows)
            arrays = [rows, lengths, [False] * len(rows), empty, empty]
            typed = [pa.array(values, field.type) for values, field in zip(arrays, schema, strict=True)]
            writer.write_batch(pa.record_batch(typed, schema=schema))
    counts = {"documents": len(texts.documents) - 1, "instances": len(blocks)}
    return counts | {"tokens": sum(map(len, blocks)) + 2 * len(blocks)}


def _blocks(texts: Documents, room: int, separator: int) -> Iterator[list[int]]:
    """Blocks of at most ``room`` pieces; a sentence that fills more is cut."""
    block: list[int] = []
    pieces = np.frombuffer(texts.pieces, texts.pieces.typecode)
    for first, end in zip(texts.documents, texts.documents[1:], strict=False):
        for line in range(first, end):
            sentence = pieces[texts.lines[line] : texts.lines[line + 1]].tolist()
            for start in range(0, len(sentence), room):
                part = sentence[start : start + room]
                if len(block) + len(part) > room:
                    yield _without(block, separator)
                    block = []
                block += part
        if len(block) < room - 1:
            block.append(separator)
        else:
            yield block
            block = []
    if block:
        yield _without(block, separator)


def _without(block: list[int], separator: int) -> list[int]:
    """A block without a separator at its end, where one is written anyway."""
    return block[:-1] if block[-1] == separator else block
