"""TensorBoard event files, written with tensorboardX, which is imported at the first scalar (it takes 0.1 s).

Uses its `RecordWriter` and messages. Its `SummaryWriter` writes in a thread, which a full disk ends; the job would then
block once the queue is full.
"""

from __future__ import annotations

import logging
import math
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

VERSION = "brain.Event:2"


class Writer:
    """A new event file of scalars in ``folder``.

    It begins with a session start at ``step``, by which TensorBoard discards later points of older files in the folder:
    a restarted or resumed job replaces the steps that it repeats.
    """

    def __init__(self, folder: Path, step: int, now: float) -> None:
        """``now``: seconds since 1970, also in the file's name: TensorBoard reads files in the order of their names."""
        from tensorboardX import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{now:017.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = RecordWriter(str(folder / name))
        self._file.write(event(now, version=VERSION))
        self._file.write(event(now, step, starts=True))

    def scalars(self, values: Mapping[str, float], step: int, now: float) -> None:
        """Add a point to each curve and flush, so that it is visible while the job runs."""
        self._file.write(event(now, step, values=values))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Handler(logging.Handler):
    """Writes log records with ``scalars`` (name -> number) and ``step`` as points of TensorBoard curves.

    ``curves`` of a record names the training; each has its own folder below ``folder``. A job that logs no scalars
    creates no folder. A full disk is reported once and ends the curves, not the job.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._folder, self._clock = folder, clock
        self._writers: dict[str, Writer] = {}
        self._broken = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the scalars of a record, without missing and non-finite values."""
        scalars: Mapping[str, float | None] | None = getattr(record, "scalars", None)
        if scalars is None or self._broken:
            return
        step, name = int(getattr(record, "step", 0)), re.sub(r"[^\w.-]+", "-", getattr(record, "curves", ""))
        finite = {key: float(value) for key, value in scalars.items() if value is not None and math.isfinite(value)}
        now = self._clock()
        try:
            if name not in self._writers:
                self._writers[name] = Writer(self._folder / name, step, now)
            self._writers[name].scalars(finite, step, now)
        except OSError as error:
            self._broken = True
            logging.getLogger(__name__).warning("no more curves for TensorBoard: %s", error)

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            with suppress(OSError):  # the disk is full
                writer.close()
        super().close()


def event(
    now: float, step: int = 0, *, version: str = "", values: Mapping[str, float] | None = None, starts: bool = False
) -> bytes:
    """A serialized `Event` at ``now`` seconds since 1970: file version, scalars of a step, or a session start."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.proto.summary_pb2 import Summary

    message = Event(wall_time=now, step=step)
    if version:
        message.file_version = version
    if values is not None:
        points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        message.summary.CopyFrom(Summary(value=points))
    if starts:
        message.session_log.status = SessionLog.START
    content: bytes = message.SerializeToString()
    return content
