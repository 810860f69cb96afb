"""A full disk, a place that is not to be written, a GPU without memory, a broken checkpoint: said, and nothing lost."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file
from test_loop import Line

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model import hf_encoder
from bertfit.runtime import job_log
from bertfit.training import checkpoint, loop

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


def test_a_full_disk_is_said_where_the_log_has_no_room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, OSError)), job_log.to("/dev/full"), files.atomic(tmp_path / "out") as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_text("x")
    assert "out: cannot be written (No space left on device); free some space and run again" in capsys.readouterr().err


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


class Greedy(Line):
    """A task for which the memory of the GPU does not suffice."""

    def loss(self, batch) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


def test_a_gpu_without_memory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line: .*memory.* 10 tokens.*`batch_size`"):
        loop.run(Greedy(3), tmp_path / "state", "k")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_loss_that_is_not_finite(tmp_path: Path, value: str) -> None:
    class Lost(Line):
        def loss(self, batch) -> torch.Tensor:
            return super().loss(batch) * float(value)

    with pytest.raises(
        UserError, match=rf"line: loss is {'nan' if value == 'nan' else '.*inf'} at step 0 of 3 .*lower `lr`"
    ):
        loop.run(Lost(3), tmp_path / "state", "k")


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"{}", b"\xff" * 8 + b"{"])
def test_a_checkpoint_that_does_not_load(tmp_path: Path, content: bytes) -> None:
    config = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    (tmp_path / "config.json").write_text(json.dumps(config | {"intermediate_size": 8, "vocab_size": 9}))
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="cannot be loaded as a BERT encoder"):
        hf_encoder.load_pretraining(tmp_path, 1)
    save_file({"other": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="weights are missing, first bert"):
        hf_encoder.load_pretraining(tmp_path, 1)
    (tmp_path / "state").write_bytes(content)  # a torn resume state: from the start
    assert checkpoint.load(tmp_path / "state", "k") is None
