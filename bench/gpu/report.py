"""What a part of the check reports, and how it is told to run; needs no torch."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
VARIANTS = ("eager", "graphs", "half_weights")
"""Of a training step: launched kernel by kernel; as a CUDA graph; as one with bfloat16 copies of the weights."""


@dataclass(frozen=True)
class Settings:
    """How the parts run."""

    tiny: bool = False
    """tiny shapes and few steps: minutes become seconds"""
    threads: int = 1
    """CPU threads of this process"""
    data: Path | None = None
    """folder with real corpora, for the parts that train on them"""
    variants: Sequence[str] = VARIANTS
    """of a training step, for the parts that compare them"""


@dataclass
class Report:
    """Lines for the summary and values for the record; the file is written again after each change."""

    path: Path
    lines: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    skipped: str | None = None
    """why the part did not run"""

    def say(self, text: str) -> None:
        """Add lines to the summary."""
        print(text, flush=True)
        self.lines += text.splitlines()
        self._write()

    def put(self, **values: Any) -> None:
        """Add values to the record, as JSON."""
        self.values |= values
        self._write()

    def append(self, name: str, value: Any) -> None:
        """Add a value to a list of the record."""
        self.values.setdefault(name, []).append(value)
        self._write()

    def fail(self, reason: str) -> None:
        """The part has failed; what comes after still runs."""
        self.failures.append(reason)
        self.say(f"FAILED: {reason}")

    def skip(self, reason: str) -> None:
        """The part cannot run here."""
        self.skipped = reason
        self.say(f"skipped: {reason}")

    def attempt(self, name: str, function: Callable[[], T]) -> T | None:
        """The result of ``function``; where it raises, a failure called ``name``, and None."""
        try:
            return function()
        except Exception as error:
            traceback.print_exc()
            self.fail(f"{name}: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:300])
            return None

    def _write(self) -> None:
        content = {"lines": self.lines, "values": self.values, "failures": self.failures, "skipped": self.skipped}
        part = self.path.with_suffix(".part")  # renamed, so that the file is whole whenever the process is ended
        part.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
        part.replace(self.path)


class Part(Protocol):
    """A module of this package that is a part of the check."""

    def run(self, report: Report, settings: Settings) -> None:
        """Do the part in this process; what is found goes into ``report``."""
        ...
