"""Blocks of seeds in an archive, and the comparison of runs to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bertfit.archiving import contributed_runs
from bertfit.archiving.contributed_runs import ContributedBlock
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.core.errors import UserError
from bertfit.experiments.cells import RunGroup

GROUP = RunGroup("imdb", "mini", "evaluate_every=2")


def block(archive: Unpacked, seed: int) -> ContributedBlock:
    (found,) = [block for block in contributed_runs.blocks(archive)[GROUP] if seed in block.seeds]
    return found


def test_blocks_of_an_archive(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = (contributed_runs.blocks(archive) for archive in unpack("first", "second"))
    assert first.keys() == second.keys() and GROUP in first
    assert [found.seeds for found in first[GROUP]] == [[1, 2], [3]]
    assert [found.path for found in second[GROUP]] == [
        "runs/imdb/mini/evaluate_every=2/seeds4-4",
        "runs/imdb/mini/evaluate_every=2/seeds5-6",
    ]
    assert first[GROUP][0].contributor(1) == "Group A" and second[GROUP][0].contributor(4) == "second"


def test_the_same_run_on_two_machines(unpack: Callable[..., list[Unpacked]]) -> None:
    """Seed 4 agrees to the bit, though the blocks and machines are others; seed 3 does not."""
    first, second, again = unpack("first", "second", "again")
    ours, theirs = block(second, 4).results()[4], block(again, 4).results()[4]
    assert block(second, 4).record.machine != block(again, 4).record.machine
    assert ours.same(theirs) and theirs.same(ours)
    ours, theirs = block(first, 3).results()[3], block(again, 3).results()[3]
    assert not ours.same(theirs)
    last = ours.evaluations[-1]
    assert ours.error == pytest.approx(100 * (last.predicted != last.labels).mean())


def test_one_bit_is_another_result(unpack: Callable[..., list[Unpacked]]) -> None:
    results = block(*unpack("first"), 3).results()[3]
    logits = results.evaluations[-1].logits.copy()
    logits[logits == 1] = np.nextafter(np.float32(1), np.float32(2))
    changed = replace(results.evaluations[-1], logits=logits)
    assert not results.same(replace(results, evaluations=[*results.evaluations[:-1], changed]))
    assert not results.same(replace(results, history=[*results.history[:-1], results.history[-1] + "0"]))
    assert contributed_runs.largest_difference(results.evaluations[-1], changed) == pytest.approx(1.2e-7, rel=0.1)
    lost = replace(changed, logits=np.full_like(logits, np.nan))
    assert contributed_runs.largest_difference(lost, changed) is None
    assert replace(results, evaluations=[lost]).same(replace(results, evaluations=[lost])), "the bits of nan agree"


def test_damaged_blocks(unpack: Callable[..., list[Unpacked]]) -> None:
    (first,) = unpack("first")

    def with_file(path: str) -> Unpacked:
        digests = dict.fromkeys((f"{path}/{name}" for name in ("predictions.parquet", "history.csv", "run.json")), "0")
        return replace(first, manifest=first.manifest.model_copy(update={"sha256": digests}))

    runs = "results/tiny/runs/imdb/mini"
    for path, message in (
        (f"{runs}/default/seeds1-20000", "'seeds1-20000' is not a block of seeds"),
        (f"{runs}/default/seeds" + "1" * 9000 + "-2", "1' is not a block of seeds"),
        (f"{runs}/default/all", "'all' is not a block of seeds"),
        (f"{runs}/seeds1-2", "is not the path of a run"),
    ):
        with pytest.raises(UserError, match=message):
            contributed_runs.blocks(with_file(path))
    digests = dict(first.manifest.sha256)
    del digests[f"{runs}/evaluate_every=2/seeds3-3/run.json"]
    with pytest.raises(UserError, match=r"first\.zip: runs/.*/seeds3-3/run\.json is missing; fetch the archive again"):
        contributed_runs.blocks(replace(first, manifest=first.manifest.model_copy(update={"sha256": digests})))
    third = block(first, 3)
    history = third.folder / "history.csv"
    history.write_text(history.read_text() + "7,2,1,0,0,0,0,\n")
    with pytest.raises(UserError, match="'7' is not a seed of this block"):
        block(first, 3).results()
    history.write_text(history.read_text().splitlines()[0] + "\n")
    with pytest.raises(UserError, match="its files do not have the seeds of this block"):
        block(first, 3).results()
