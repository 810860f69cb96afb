"""Blocks of seeds made of contributed ones: the files that one job writes, and a record of all jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from helpers import madeup

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


def cost_of(seeds: list[int], seconds: float, *, encoded: bool = False, measured: bool = True) -> dict[str, Any]:
    """Each seed took ``seconds`` and a tenth of it as kWh; the encoding 1 s and 1 kWh."""
    about = {"gpu_method": "g", "cpu_method": "c", "estimated": False, "cpu_seconds": 1.0, "cpu_kwh": 0.0}
    energy = {"energy": {**about, "gpu_kwh": seconds / 10}} if measured else {}
    whole = {"energy": {**about, "gpu_kwh": len(seeds) * seconds / 10}} if measured else {}
    states = {"seconds": 1.0, "tokens": 5} | ({"energy": {**about, "gpu_kwh": 1.0}} if measured else {})
    return {
        "seconds": len(seeds) * seconds, "tokens": 10 * len(seeds), "threads": 1, **whole,
        "seeds": {str(seed): {"seconds": seconds, "tokens": 10, **energy} for seed in seeds},
        "peak_memory_bytes": {"process": 1}, **({"encoding": states} if encoded else {}),
    }  # fmt: skip


def part(taken: list[int], seconds: float, answering: float | None, cost: dict[str, Any]) -> dict[str, Any]:
    evaluation = answering and {"texts": 4, "tokens": 9, "batch_tokens": 9, "seconds": answering}
    record = madeup.record({}) | {"cost": cost, "contributor": f"of {seconds} s"}
    return {"seeds": taken, "record": record | {"classifier": {"parameters": 7, "bytes": 28, "evaluation": evaluation}}}


def test_the_cost_is_that_of_the_seeds_taken() -> None:
    """Of two seeds that took 4 s each one is taken; both encodings were needed."""
    first = part([1, 2], 2.0, 0.5, cost_of([1, 2], 2.0, encoded=True))
    second = part([3], 4.0, 0.25, cost_of([2, 3], 4.0, encoded=True))
    content = joined_blocks.joined_record([first, second], [1, 2, 3])
    record = JobRecord.model_validate(content)
    assert (record.cost.seconds, record.cost.tokens, record.cost.encoding.seconds) == (8.0, 30, 2.0)
    assert record.cost.energy and record.cost.energy.kwh == pytest.approx(0.8)
    assert record.cost.total_energy and record.cost.total_energy.kwh == pytest.approx(2.8)
    assert content["classifier"] == second["record"]["classifier"], "the fastest"
    assert [job.cost.total_seconds for job in record.jobs] == [5.0, 5.0]
    assert content["joined"] == [first, second], "as they were recorded"


def test_energy_that_a_part_did_not_measure_is_unknown() -> None:
    """As is the encoding's; a part that encoded nothing has none to measure."""
    plain, before = (part([seed], 2.0, None, cost_of([seed], 2.0, measured=bool(seed))) for seed in (1, 0))
    encoded = part([2], 2.0, None, cost_of([2], 2.0, encoded=True))
    record = JobRecord.model_validate(joined_blocks.joined_record([plain, encoded], [1, 2]))
    assert record.cost.total_energy and record.cost.total_energy.kwh == pytest.approx(1.4)
    record = JobRecord.model_validate(joined_blocks.joined_record([plain, before], [0, 1]))
    assert record.cost.energy is None and record.cost.total_energy is None
