"""What a job of the made-up study (`reportdata`) cost, written into its record."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.reportdata import write


def measure(folder: Path, kwh: float, *, estimated: bool = False, seconds: float = 0.1) -> None:
    """Let a job's record say that it took ``kwh``; its classifier has 7,000 parameters, 40 texts took ``seconds``."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    record["cost"]["energy"] = {
        "gpu_kwh": kwh, "cpu_kwh": 0.0, "gpu_method": "NVML energy counter", "cpu_method": "RAPL",
        "estimated": estimated, "cpu_seconds": 1.0,
    }  # fmt: skip
    evaluation = {"texts": 40, "tokens": 300, "batch_tokens": 4096, "seconds": seconds}
    record["classifier"] = {"parameters": 7000, "bytes": 28_000, "evaluation": evaluation}
    write(folder / "run.json", record)
