"""Lines about long jobs at a steady pace, and event files that TensorBoard reads."""

from __future__ import annotations

import logging
import resource
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboardX import RecordWriter

from bertfit.runtime import job_log, progress, tensorboard

LOG = logging.getLogger("bertfit.test")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return messages


def test_a_line_every_twenty_seconds_and_after_the_last_step(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = progress.ProgressLog(LOG, "seed 1", steps=30, clock=clock)
    for step in range(1, 16):  # 3 s and 600 tokens a step: lines at 21, 42 s
        clock.now += 3
        pace.trained(step, 600, 0.5, 1e-4)
    assert lines(caplog) == [
        "seed 1: step 7 of 30, loss 0.5000, lr 0.0001, 200 tokens/s, 1:09 left",
        "seed 1: step 14 of 30, loss 0.5000, lr 0.0001, 200 tokens/s, 0:48 left",
    ]
    for step in range(16, 31):  # now 1 s a step; the speed is that since the last line, what is left that of the whole
        clock.now += 1
        pace.trained(step, 600, 0.25, 0.0)
    assert lines(caplog) == ["seed 1: step 30 of 30, loss 0.2500, lr 0, 533 tokens/s, 0:00 left"]


def test_evaluations_say_that_they_go_on_and_are_no_part_of_the_speed(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pace = progress.ProgressLog(LOG, "seed 1", steps=100, clock=clock)
    clock.now += 10
    pace.trained(1, 1000, 1.0, 1e-4)
    with pace.evaluation():
        for _ in range(5):
            clock.now += 9
            pace.evaluating()
    assert lines(caplog) == [
        "seed 1: step 1 of 100, evaluating for 0:18",
        "seed 1: step 1 of 100, evaluating for 0:45",
    ]
    clock.now += 20
    pace.trained(2, 2000, 1.0, 1e-4)
    # 3000 tokens in 30 s of training; 75 s for two steps, so 98 more take 3675 s
    assert lines(caplog) == ["seed 1: step 2 of 100, loss 1.0000, lr 0.0001, 100 tokens/s, 1:01:15 left"]


def test_a_job_that_goes_on_counts_its_own_steps(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = progress.ProgressLog(LOG, "seed 1", steps=100, step=60, clock=clock)
    clock.now += 40
    pace.trained(80, 400, 1.0, 1e-4)
    assert lines(caplog) == ["seed 1: step 80 of 100, loss 1.0000, lr 0.0001, 10 tokens/s, 0:40 left"]


# ---------------------------------------------------------------------------------------------- event files

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
