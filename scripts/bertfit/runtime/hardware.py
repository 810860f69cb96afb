"""Processor and GPUs of this machine, without loading a driver library: their names, and which a process may use."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

CPU, GPUS = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/gpus")


def processor(path: Path = CPU) -> str:
    """The processor's name; where ``path`` is missing or has none (macOS, ARM), what the platform says."""
    return _field(path, "model name") or platform.processor() or platform.machine()


def gpus(folder: Path = GPUS) -> list[str]:
    """Names of NVIDIA's GPUs, sorted."""
    return sorted(_field(path, "Model") for path in folder.glob("*/information"))


def visible(environment: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that a process may use, named as in CUDA_VISIBLE_DEVICES.

    What that variable lists; where it is not set all of the machine, counted without loading a driver library. Slurm
    sets it for jobs that were given GPUs: below Slurm no variable means no GPU.
    """
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        names = [name.strip() for name in listed.split(",")]
        return [name for name in names if name not in ("", "-1", "NoDevFiles")]
    if "SLURM_JOB_ID" in environment:
        return []
    return [str(number) for number, _ in enumerate(devices.glob("nvidia[0-9]*"))]


def _field(path: Path, name: str) -> str:
    """The first ``name : value`` of a file, or nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
