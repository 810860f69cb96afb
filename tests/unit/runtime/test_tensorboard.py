"""Event files that TensorBoard reads, and disks that fill up."""

from __future__ import annotations

import logging
import resource
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboardX import RecordWriter

from bertfit.runtime import job_log, tensorboard

LOG = logging.getLogger("bertfit.test")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return messages


# What the writer of tensorboard 2.21.0 makes of the same events (its RecordWriter and protocol buffers).
GOLDEN = bytes.fromhex(
    "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c0f000000000000006d532b09090000000000"
    "00004010073a020801d1715dcb2600000000000000734fe300090000000000000a4010ac022a180a0b0a046c6f7373150000003f0a090a026c72"
    "15acc5a7371d032d2b"
)


def test_the_bytes_are_those_of_tensorboards_own_writer(tmp_path: Path) -> None:
    file = RecordWriter(str(tmp_path / "file"))
    file.write(tensorboard.event(1.5, version=tensorboard.VERSION))
    file.write(tensorboard.event(2.0, 7, starts=True))
    file.write(tensorboard.event(3.25, 300, values={"loss": 0.5, "lr": 2e-5}))
    file.close()
    assert (tmp_path / "file").read_bytes() == GOLDEN


def test_a_file_depends_on_times_and_values_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        writer = tensorboard.Writer(tmp_path / name, 3, 1.5)
        writer.scalars({"loss": 0.5}, 3, 2.0)
        writer.close()
    first_file, second_file = (path for path in sorted(tmp_path.rglob("*")) if path.is_file())
    assert first_file.read_bytes() == second_file.read_bytes()
    assert socket.gethostname().encode() not in first_file.read_bytes()


def contents(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        yield data[12 : 12 + size]
        data = data[16 + size :]


def test_what_is_logged_with_scalars_is_drawn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with job_log.to(str(tmp_path / "seeds1-2.log")):
        LOG.info("nothing to draw")
        LOG.info(
            "a", extra={"curves": "seed 1", "step": 3, "scalars": {"loss": 0.5, "gone": None, "bad": float("nan")}}
        )
        LOG.info("b", extra={"curves": "seed 1", "step": 4, "scalars": {"loss": 0.25}})
        LOG.info("c", extra={"curves": "seed 2", "step": 3, "scalars": {"loss": 0.75}})
    files = sorted((tmp_path / "seeds1-2").rglob("*"))
    assert [path.name for path in files if path.is_dir()] == ["seed-1", "seed-2"]
    first_file, second_file = (path for path in files if path.is_file())
    assert first_file.name.startswith("events.out.tfevents.")
    first, start, *points = contents(first_file)
    assert first.endswith(tensorboard.VERSION.encode()) and start.endswith(tensorboard.event(1.0, 3, starts=True)[9:])
    assert [point[9:] for point in points] == [
        tensorboard.event(1.0, 3, values={"loss": 0.5})[9:],
        tensorboard.event(1.0, 4, values={"loss": 0.25})[9:],
    ]
    assert len(list(contents(second_file))) == 3


def test_a_log_without_scalars_has_no_folder(tmp_path: Path) -> None:
    with job_log.to(str(tmp_path / "job.log")):
        LOG.warning("hello")
    assert [path.name for path in tmp_path.iterdir()] == ["job.log"]


def test_a_folder_that_cannot_be_made_costs_the_curves_not_the_job(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "job").write_text("a file where the folder would be")
    with job_log.to(str(tmp_path / "job.log")):
        for step in (1, 2):
            LOG.info("a", extra={"curves": "seed 1", "step": step, "scalars": {"loss": 0.5}})
    assert sum("no more curves" in line for line in lines(caplog)) == 1


def test_a_disk_that_fills_up_costs_the_curves_not_the_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with job_log.to(str(tmp_path / "job.log")):
        LOG.info("a", extra={"curves": "seed 1", "step": 1, "scalars": {"loss": 0.5}})
        (file,) = (path for path in (tmp_path / "job").rglob("*") if path.is_file())
        size = file.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            for step in (2, 3):
                LOG.info("b", extra={"curves": "seed 1", "step": step, "scalars": {"loss": 0.5}})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sum("no more curves" in line for line in lines(caplog)) == 1
    assert len(list(contents(file))) >= 3
