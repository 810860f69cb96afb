"""Files are written whole or not at all: full disks, places that are not to be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core import files
from bertfit.core.errors import UserError

ROWS = pd.DataFrame({"a": np.arange(50_000)})
WRITERS = {
    "text": lambda path: path.write_text("x" * 100_000),
    "csv": lambda path: ROWS.to_csv(path),
    "parquet": lambda path: pq.write_table(pa.table(ROWS), path),
    "arrow": lambda path: pa.OSFile(str(path), "wb").write(b"x" * 100_000),
    "numpy": lambda path: np.zeros(50_000).tofile(path),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out" / "file"
    files.write_text(out, "before")
    with pytest.raises(UserError) as caught, files.atomic(out) as temporary:
        temporary.symlink_to("/dev/full")  # the device that has no room
        WRITERS[kind](temporary)
    assert "No space left on device); free some space and run again" in str(caught.value)
    assert out.read_text() == "before"
    assert os.listdir(out.parent) == ["file"]


def test_what_libraries_say_of_a_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"out: cannot be written \(No space left on device\)"),
        files.atomic(tmp_path / "out"),
    ):
        raise RuntimeError("IoError(Os { code: 28, kind: StorageFull, message: 'No space left on device' })")
    with pytest.raises(RuntimeError, match="another"), files.atomic(tmp_path / "out"):
        raise RuntimeError("another")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT])
def test_a_place_that_is_not_to_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path / "results"))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError) as caught:
        files.write_text(tmp_path / "results" / "file", "x")
    assert f"{tmp_path}/results: cannot be written ({os.strerror(number)}); " in str(caught.value)


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    with pytest.raises(UserError, match="results.*a file is in the place of a folder; move it away"):
        files.write_text(tmp_path / "results" / "study" / "file", "x")
    assert (tmp_path / "results").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir(mode=0o500)
    with pytest.raises(UserError, match=r"results.*Permission denied\); correct its permissions"):
        files.write_text(tmp_path / "results" / "file", "x")
