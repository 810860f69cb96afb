"""TensorBoard event files, by tensorboardX, which is imported at the first curve: it takes a tenth of a second.

Of tensorboardX the record file and the messages are used. Its `SummaryWriter` writes in a thread: a full disk ends that
thread, and the job waits for ever when its queue is full.
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
    """An event file of scalars in a folder of its own.

    It begins with a note that older files of the folder hold nothing from ``step`` on: a job that starts again or goes
    on after a kill replaces what it repeats.
    """

    def __init__(self, folder: Path, step: int, now: float) -> None:
        """``now``: seconds since 1970, also part of the file's name: TensorBoard reads files in the order of names."""
        from tensorboardX import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{now:017.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = RecordWriter(str(folder / name))
        self._file.write(event(now, version=VERSION))
        self._file.write(event(now, step, starts=True))

    def scalars(self, values: Mapping[str, float], step: int, now: float) -> None:
        """Add a point to each curve; on disk when it returns, so that it is seen while the job runs."""
        self._file.write(event(now, step, values=values))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Handler(logging.Handler):
    """Draws the log: a record with ``scalars`` (name -> number) and ``step`` becomes a point of each of its curves.

    ``curves`` of a record is the name of the thing that is trained; each has a folder of its own below ``folder``. No
    folder is made for a job that logs no scalars. A full disk is told once and ends the curves, not the job.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._folder, self._clock = folder, clock
        self._writers: dict[str, Writer] = {}
        self._broken = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the numbers of a record; those that are missing or not finite are left out."""
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
            with suppress(OSError):  # what a full disk has no room for
                writer.close()
        super().close()


def event(
    now: float, step: int = 0, *, version: str = "", values: Mapping[str, float] | None = None, starts: bool = False
) -> bytes:
    """A serialized `Event` at ``now`` seconds since 1970: the file's version, scalars of a step, or a start at one."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.proto.summary_pb2 import Summary

    made = Event(wall_time=now, step=step)
    if version:
        made.file_version = version
    if values is not None:
        points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        made.summary.CopyFrom(Summary(value=points))
    if starts:
        made.session_log.status = SessionLog.START
    content: bytes = made.SerializeToString()
    return content
