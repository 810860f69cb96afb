from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from test_loop import Line

from bertfit.training import checkpoint, loop


def test_tensors_and_json_come_back_with_their_key_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(1.5, dtype=torch.float64)}
    checkpoint.save(tmp_path / "state", "key", tensors, {"step": 3, "cost": {"seconds": 0.5}})
    saved = checkpoint.load(tmp_path / "state", "key")
    assert saved is not None and saved[1] == {"step": 3, "cost": {"seconds": 0.5}, "key": "key"}
    assert all(torch.equal(saved[0][name], tensor) for name, tensor in tensors.items())
    caplog.set_level(logging.INFO)
    assert checkpoint.load(tmp_path / "state", "other") is None
    assert "checkpoint is of other inputs; restarting" in caplog.text
    assert checkpoint.load(tmp_path / "none", "key") is None


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"{}", b"\xff" * 8 + b"{"])
def test_a_checkpoint_that_cannot_be_read_is_none(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_bytes(content)
    assert checkpoint.load(tmp_path / "state", "key") is None
    assert "cannot be read" in caplog.text and "restarting" in caplog.text


def test_a_task_is_restored_as_it_was_saved(tmp_path: Path) -> None:
    trained, new = Line(4), Line(4)
    cost = loop.run(trained, tmp_path / "none", "key")
    checkpoint.save_task(trained, tmp_path / "state", "key", 4, cost)
    assert checkpoint.resume_task(new, tmp_path / "state", "key") == (4, cost)
    assert torch.equal(new.model.weight, trained.model.weight) and new.memory == trained.memory
    assert torch.equal(new.tensors["sum"], trained.tensors["sum"])
    moments, expected = new.optimizer.moments(), trained.optimizer.moments()
    assert moments.keys() == expected.keys() == {"m/weight", "v/weight"}
    assert all(torch.equal(moments[name], expected[name]) for name in expected)
    untouched = Line(4)
    assert checkpoint.resume_task(untouched, tmp_path / "state", "other") == (
        0, {"steps": 4, "tokens": 0, "seconds": 0.0}
    )  # fmt: skip
    assert untouched.memory == {"reached": [], "noise": []}
