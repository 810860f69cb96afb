"""An unpacked archive: its results, and who contributed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from bertfit.archiving.unpacked_archive import Unpacked, listed, unpacked
from bertfit.core.errors import UserError
from bertfit.experiments.job_record import JobRecord
from helpers import madeup


def test_contributor_and_results(unpack: Callable[..., list[Unpacked]]) -> None:
    first, second = unpack("first", "second")
    assert (first.contributor, second.contributor) == ("Group A", "second")
    assert PurePosixPath("runs/imdb/mini/evaluate_every=2/seeds3-3/run.json") in first.results
    assert all(path.parts[0] not in ("scripts", "results") for path in first.results)
    assert "config.yaml" in first and "results/tiny/report.html" not in first


def test_who_made_a_record(unpack: Callable[..., list[Unpacked]]) -> None:
    """Of an archive that was merged before, its records say it; they may come from anyone."""
    first, _ = unpack("first", "second")
    record = JobRecord.model_validate(madeup.record({}))
    assert first.contributor_of(None) == first.contributor_of(record) == "Group A"
    assert first.contributor_of(record.model_copy(update={"contributor": "B"})) == "B"
    for name in ("", "x" * 81, "a\nb"):
        with pytest.raises(UserError, match="is no contributor; do not use this archive"):
            first.contributor_of(record.model_copy(update={"contributor": name}))


def test_a_folder_has_its_name(unpack: Callable[..., list[Unpacked]], tmp_path: Path) -> None:
    (second,) = unpack("second")
    assert unpacked(second.folder, tmp_path / "copy").contributor == "unpacked-second"


def test_lists_and_missing_files(tmp_path: Path) -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed([str(number) for number in range(12)], 12) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    with pytest.raises(UserError, match=r"no\.zip: there is no such archive"):
        unpacked(tmp_path / "no.zip", tmp_path / "out")
