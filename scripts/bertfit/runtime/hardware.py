"""Processor and GPUs of this machine: their names, and which a process may use."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

CPU, GPUS = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/gpus")
DRIVER = ("nvidiactl", "dxg")  # NVIDIA's driver among the devices: on Linux; on Windows' Subsystem for Linux


def processor(path: Path = CPU) -> str:
    """The processor's name; where ``path`` is missing or has none (macOS, ARM), what the platform says."""
    return _field(path, "model name") or platform.processor() or platform.machine()


def gpus(folder: Path = GPUS) -> list[str]:
    """Names of NVIDIA's GPUs, sorted."""
    return sorted(_field(path, "Model") for path in folder.glob("*/information"))


def visible(environment: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that a process may use, named as in CUDA_VISIBLE_DEVICES.

    What that variable lists; where it is not set all of the machine, as the driver's library (NVML) counts them: by
    number, or all by UUID where one is divided (MIG), each of its instances as a GPU of its own. Without a driver
    nothing is loaded. Slurm sets the variable for jobs that were given GPUs: below Slurm no variable means no GPU.
    """
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        names = [name.strip() for name in listed.split(",")]
        return [name for name in names if name not in ("", "-1", "NoDevFiles")]
    if "SLURM_JOB_ID" in environment or not any((devices / name).exists() for name in DRIVER):
        return []
    return _counted()


def _counted() -> list[str]:
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            return _names()
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        log.warning("no GPU can be used: the NVIDIA driver does not answer (%s)", error)
        return []


def _names() -> list[str]:
    import pynvml

    uuids: list[str] = []
    divided: dict[int, list[str]] = {}
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
        except pynvml.NVMLError:  # counted, but not for this process; CUDA leaves it out, too
            continue
        if (instances := _instances(gpu)) is not None:
            divided[len(uuids)] = instances
        uuids.append(pynvml.nvmlDeviceGetUUID(gpu))
    if not divided:
        return [str(number) for number in range(len(uuids))]
    return [name for number, uuid in enumerate(uuids) for name in divided.get(number, [uuid])]


def _instances(gpu: Any) -> list[str] | None:
    """UUIDs of the MIG instances of a GPU; None of one that is not divided."""
    import pynvml

    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(gpu)
    except pynvml.NVMLError:  # it cannot be
        return None
    if current != pynvml.NVML_DEVICE_MIG_ENABLE:
        return None
    uuids = []
    for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
        try:
            uuids.append(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, index)))
        except pynvml.NVMLError:  # no instance has this number, or not for this process
            continue
    return uuids


def _field(path: Path, name: str) -> str:
    """The first ``name : value`` of a file, or nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
