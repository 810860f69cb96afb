"""Instances read back: types and masks of each, and files that are not whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.tokens import instance_file
from helpers.instances import ENTRIES, both, random_text
from helpers.vocabularies import write_vocabulary


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary"), ENTRIES)


def test_the_file_keeps_the_contract(tmp_path, vocabulary):
    both(random_text(1, 5), vocabulary, tmp_path, Pretrain(max_length=32))
    with pa.memory_map(str(tmp_path / "out.arrow")) as source:
        schema = pa.ipc.open_file(source).schema
    kinds = {"input_ids": pa.list_(pa.uint16()), "a_length": pa.int16(), "random_next": pa.bool_()}
    kinds |= {"positions": pa.list_(pa.int16()), "labels": pa.list_(pa.uint16())}
    assert dict(zip(schema.names, schema.types, strict=True)) == kinds
    read = instance_file.read(tmp_path / "out.arrow")
    for i in range(len(read)):
        ids, a_length, random_next, positions, labels = read.get(i)
        assert ids[0] == 3 and ids[a_length - 1] == ids[-1] == 5 and (ids == 5).sum() <= 2 + len(positions)
        assert len(ids) <= 32 and isinstance(random_next, bool)
        assert len(positions) == len(labels) == min(20, max(1, round(len(ids) * 0.15)))
        assert (np.diff(positions) > 0).all() and not {0, a_length - 1, len(ids) - 1} & set(positions.tolist())


def instance(ids, a_length, random_next, positions, labels):
    return {
        "input_ids": ids,
        "a_length": a_length,
        "random_next": random_next,
        "positions": positions,
        "labels": labels,
    }


def test_instances_are_found_across_blocks(tmp_path, monkeypatch):
    """Two record batches, of two rows and of one."""
    monkeypatch.setattr(instance_file, "BLOCK_ROWS", 2)
    rows = [
        instance([3, 6, 5, 4, 5], 3, False, [1], [7]),
        instance([3, 4, 4, 5, 6, 5], 4, True, [2, 4], [1, 8]),
        instance([3, 1, 5, 6, 5], 3, True, [3], [9]),
    ]
    types = {"input_ids": pa.list_(pa.uint16()), "a_length": pa.int16(), "random_next": pa.bool_()}
    types |= {"positions": pa.list_(pa.int16()), "labels": pa.list_(pa.uint16())}
    schema = pa.schema(types, metadata={"instances": "3"})
    with pa.OSFile(str(tmp_path / "i.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for block in (rows[:2], rows[2:]):
            writer.write_batch(pa.RecordBatch.from_pylist(block, schema))
    read = instance_file.read(tmp_path / "i.arrow")
    assert len(read) == 3
    found = [read.get(number) for number in range(3)]
    assert [instance(one.ids.tolist(), one.a_length, one.random_next, one.positions.tolist(), one.labels.tolist())
            for one in found] == rows  # fmt: skip
    assert not found[0].ids.flags.writeable


def test_a_file_that_is_not_whole_is_named(tmp_path):
    (tmp_path / "i.arrow").write_bytes(b"ARROW1")
    with pytest.raises(UserError, match=r"i\.arrow: not a complete instances file .*; delete it and run again"):
        instance_file.read(tmp_path / "i.arrow")
