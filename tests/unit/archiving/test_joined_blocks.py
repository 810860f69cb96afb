"""Blocks of seeds made of contributed ones: the files that one job writes, and a record of all jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bertfit.archiving import contributed_runs, joined_blocks
from bertfit.archiving.contributed_runs import ContributedBlock
from bertfit.archiving.run_choice import SourceBlock
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.core.errors import UserError
from bertfit.experiments import job_record
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.job_record import JobRecord

GROUP = RunGroup("imdb", "mini", "evaluate_every=2")


def block(archive: Unpacked, seed: int) -> ContributedBlock:
    (found,) = [block for block in contributed_runs.blocks(archive)[GROUP] if seed in block.seeds]
    return found


def test_two_blocks_as_one(unpack: Callable[..., list[Unpacked]], tmp_path: Path) -> None:
    first, second = (block(archive, seed) for archive, seed in zip(unpack("first", "second"), (3, 4), strict=True))
    joined_blocks.write([SourceBlock(second, [4]), SourceBlock(first, [3])], tmp_path / "joined", named=True)
    rows = [pq.read_table(each.folder / "predictions.parquet") for each in (first, second)]
    joined = pq.read_table(tmp_path / "joined/predictions.parquet")
    assert joined["seed"].to_pylist() == [3] * rows[0].num_rows + [4] * rows[1].num_rows
    assert joined.slice(0, rows[0].num_rows).equals(rows[0]) and joined.slice(rows[0].num_rows).equals(rows[1])
    header, *lines = (first.folder / "history.csv").read_text().splitlines()
    lines += (second.folder / "history.csv").read_text().splitlines()[1:]
    assert (tmp_path / "joined/history.csv").read_text().splitlines() == [header, *lines]
    record = job_record.read(tmp_path / "joined/run.json", JobRecord)
    assert record.spec == first.record.spec | {"seeds": [3, 4]}
    assert (record.contributor, record.machine.device) == ("Group A, second", "NVIDIA H100 80GB HBM3, AMD EPYC")
    assert record.versions == {"python": "3.11.7", "torch": "2.13.0, 2.12.1"}
    assert (record.cost.seconds, record.cost.tokens) == (4.0, 200) and record.diverged_at == {"3": None, "4": None}
    assert [job.machine.device for job in record.jobs] == ["NVIDIA H100 80GB HBM3", "AMD EPYC"]
    assert [record.of_seed(seed).contributor for seed in (3, 4)] == ["Group A", "second"]


def test_a_whole_block_is_kept(unpack: Callable[..., list[Unpacked]], tmp_path: Path) -> None:
    whole = block(*unpack("first"), 1)
    for named in (False, True):
        out = tmp_path / str(named)
        joined_blocks.write([SourceBlock(whole, [1, 2])], out, named=named)
        same = [(out / name).read_bytes() == (whole.folder / name).read_bytes() for name in ("history.csv", "run.json")]
        assert same == [True, not named]
    assert json.loads((out / "run.json").read_text())["contributor"] == "Group A"


def test_joined_again(unpack: Callable[..., list[Unpacked]], tmp_path: Path) -> None:
    """A block that was joined before gives its jobs, and those of which no seed is taken are left out."""
    first, second = (block(archive, seed) for archive, seed in zip(unpack("first", "second"), (3, 4), strict=True))
    before = ContributedBlock(first.archive, "joined", GROUP, [3, 4])
    joined_blocks.write([SourceBlock(first, [3]), SourceBlock(second, [4])], before.folder, named=True)
    (both,) = (joined_blocks.parts(SourceBlock(before, [3, 4])),)
    assert [(part["seeds"], part["record"]["contributor"]) for part in both] == [([3], "Group A"), ([4], "second")]
    (one,) = joined_blocks.parts(SourceBlock(before, [4]))
    assert one == both[1] and before.contributor(4) == "second"
    assert joined_blocks.joined_record(both[::-1], [3, 4]) == joined_blocks.joined_record(both, [3, 4])


def test_blocks_that_do_not_fit(unpack: Callable[..., list[Unpacked]], tmp_path: Path) -> None:
    first, second = (block(archive, seed) for archive, seed in zip(unpack("first", "second"), (3, 4), strict=True))
    sources = [SourceBlock(first, [3]), SourceBlock(second, [4])]
    history = second.folder / "history.csv"
    history.write_text(history.read_text().replace("loss", "cost", 1))
    with pytest.raises(UserError, match=r"history\.csv has other columns than another"):
        joined_blocks.write(sources, tmp_path / "a", named=True)
    table = pq.read_table(second.folder / "predictions.parquet")
    pq.write_table(table.replace_schema_metadata({"label_sets": "[[0]]"}), second.folder / "predictions.parquet")
    with pytest.raises(UserError, match=r"predictions\.parquet has columns or classes of its own"):
        joined_blocks.write(sources, tmp_path / "b", named=True)
