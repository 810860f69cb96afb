"""Records beside those of runs: the same content, encoders that were trained twice, and files that differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bertfit.archiving import record_choice
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.contributions.contributed import PreferredFile
from bertfit.core.errors import UserError
from bertfit.core.files import sha256

ROOT = "results/tiny"
CARD, CLUSTERS = f"{ROOT}/corpora/imdb/card.json", f"{ROOT}/corpora/imdb/clusters.parquet"
RECORD, HISTORY = f"{ROOT}/encoders/mini/run.json", f"{ROOT}/encoders/mini/history.csv"
WANTED = (CARD, CLUSTERS, RECORD, HISTORY)


def signed(archive: Unpacked, *paths: str) -> Unpacked:
    """The archive with the digests of files that were edited."""
    digests = archive.manifest.sha256 | {path: sha256(archive.folder / path) for path in paths}
    return replace(archive, manifest=archive.manifest.model_copy(update={"sha256": digests}))


def test_records_that_agree(unpack: Callable[..., list[Unpacked]]) -> None:
    """The bytes of a Parquet file depend on the version of pyarrow, and the record of an encoder on the machine."""
    first, second = unpack("first", "second")
    table = pq.read_table(second.folder / CLUSTERS)
    pq.write_table(table, second.folder / CLUSTERS, compression="none", use_dictionary=False)
    second = signed(second, CLUSTERS)
    assert first.manifest.sha256[CLUSTERS] != second.manifest.sha256[CLUSTERS]
    assert first.manifest.sha256[RECORD] != second.manifest.sha256[RECORD]
    choice = record_choice.choose(WANTED, [first, second], [])
    assert choice.conflicts == choice.encoders == choice.files == []
    assert choice.sources == dict.fromkeys(WANTED, first)


def test_files_that_differ(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")
    table = pq.read_table(second.folder / CLUSTERS)
    pq.write_table(table.slice(0, table.num_rows - 1), second.folder / CLUSTERS)
    choice = record_choice.choose(WANTED, [first, signed(second, CLUSTERS)], [])
    assert choice.conflicts == [f"  {CLUSTERS} ({first.path}, {second.path})"]
    assert choice.files == [PreferredFile(path="corpora/imdb/clusters.parquet", kept="Group A", other="second")]
    assert not record_choice.choose(WANTED, [first, signed(second, CLUSTERS)], [first.path]).conflicts


def test_an_encoder_that_was_trained_twice(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")
    (second.folder / HISTORY).write_text("step,loss,held_out_mlm_loss\n1,2.0,3.0\n2,1.5,2.4\n")
    record = json.loads((second.folder / RECORD).read_text()) | {"held_out_mlm_loss": {"before": 3.0, "after": 2.4}}
    (second.folder / RECORD).write_text(json.dumps(record))
    second = signed(second, HISTORY, RECORD)
    choice = record_choice.choose(WANTED, [first, second], [])
    (row,) = choice.encoders
    assert (row.encoder, row.kept, row.other, row.losses) == ("mini", "Group A", "second", (2.5, 2.4))
    assert row.devices == ("NVIDIA H100 80GB HBM3", "AMD EPYC")
    (line,) = choice.conflicts
    assert line.startswith(f"  {ROOT}/encoders/mini ({first.path}, {second.path}): each trained this encoder")
    assert not record_choice.choose(WANTED, [first, second], [first.path]).conflicts


def test_runs_that_started_from_other_weights(unpack: Callable[..., list[Unpacked]]) -> None:
    """As where a fetched encoder has no history."""
    first, second = unpack("first", "second")
    for path in (second.folder / ROOT / "runs").glob("imdb/mini/*/*/run.json"):
        record = json.loads(path.read_text())
        record["inputs"]["encoder"]["sha256"] = "0" * 64
        path.write_text(json.dumps(record))
    choice = record_choice.choose(WANTED, [first, second], [])
    assert [row.encoder for row in choice.encoders] == ["mini"] and len(choice.conflicts) == 1


def test_what_cannot_be_chosen(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")
    with pytest.raises(UserError, match=r"none\.json: no archive has this record; run the part"):
        record_choice.choose([f"{ROOT}/none.json"], [first, second], [])
    path: Path = second.folder / RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "d"}))
    with pytest.raises(UserError, match="encoder mini was trained with other values or by other code in"):
        record_choice.choose(WANTED, [first, second], [first.path])
