"""TensorBoard event files, written without its package: grpcio and nine others, and 0.3 s of the start of every job.

A file is a row of TFRecords: the length of the content (uint64), its checksum, the content, its checksum. The content
is a protocol buffer `Event`. Fields and framing: tensorboard/compat/proto/event.proto and summary.proto,
tensorboard/summary/writer/record_writer.py (github:tensorflow/tensorboard).
"""

from __future__ import annotations

import logging
import math
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

VERSION = b"brain.Event:2"
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5  # wire types of protocol buffers


class Writer:
    """An event file of scalars in a folder of its own.

    It begins with a note that older files of the folder hold nothing from ``step`` on: a job that starts again or goes
    on after a kill replaces what it repeats.
    """

    def __init__(self, folder: Path, step: int, now: float) -> None:
        """``now``: seconds since 1970, also part of the file's name: TensorBoard reads files in the order of names."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{now:017.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = open(folder / name, "ab")  # noqa: SIM115
        self._file.write(record(event(now, version=VERSION)))
        self._file.write(record(event(now, step, starts=True)))

    def scalars(self, values: Mapping[str, float], step: int, now: float) -> None:
        """Add a point to each curve; on disk when it returns, so that it is seen while the job runs."""
        self._file.write(record(event(now, step, values=values)))
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
            writer.close()
        super().close()


def event(
    now: float, step: int = 0, *, version: bytes = b"", values: Mapping[str, float] | None = None, starts: bool = False
) -> bytes:
    """An `Event`: 1 wall_time, 2 step, 3 file_version, 5 summary of scalars, 7 session log of a start."""
    parts = [_key(1, _DOUBLE), struct.pack("<d", now)]
    parts += [_key(2, _VARINT), _varint(step)] if step else []
    parts += [_block(3, version)] if version else []
    if values is not None:
        parts.append(_block(5, b"".join(_block(1, _value(name, value)) for name, value in values.items())))
    if starts:
        parts.append(_block(7, _key(1, _VARINT) + _varint(1)))
    return b"".join(parts)


def record(content: bytes) -> bytes:
    """A TFRecord."""
    length = struct.pack("<Q", len(content))
    return length + struct.pack("<I", masked_crc(length)) + content + struct.pack("<I", masked_crc(content))


def masked_crc(content: bytes) -> int:
    """CRC-32C, rotated and shifted as TFRecords want it."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _table() -> list[int]:
    """Of the Castagnoli polynomial, reflected."""
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


def _value(tag: str, value: float) -> bytes:
    """A `Summary.Value`: 1 tag, 2 simple_value."""
    return _block(1, tag.encode()) + _key(2, _FLOAT) + struct.pack("<f", value)


def _key(field: int, kind: int) -> bytes:
    return bytes([field << 3 | kind])


def _block(field: int, content: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])
