"""What this machine calls its processor and its GPUs, without loading a driver library. Neither torch nor pandas."""

from __future__ import annotations

import platform
from pathlib import Path

CPU, GPUS = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/gpus")


def processor(path: Path = CPU) -> str:
    """The processor's name; where ``path`` is missing or has none (macOS, ARM), what the platform says."""
    return _field(path, "model name") or platform.processor() or platform.machine()


def gpus(folder: Path = GPUS) -> list[str]:
    """Names of NVIDIA's GPUs, sorted."""
    return sorted(_field(path, "Model") for path in folder.glob("*/information"))


def _field(path: Path, name: str) -> str:
    """The first ``name : value`` of a file, or nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
