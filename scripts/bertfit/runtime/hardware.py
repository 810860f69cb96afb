"""Processor and GPUs of this machine: their names, and which GPUs a process may use."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

CPU, GPUS = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/gpus")
DRIVER = ("nvidiactl", "dxg")  # device files of NVIDIA's driver: Linux; Windows Subsystem for Linux


def processor(path: Path = CPU) -> str:
    """The processor's name; from `platform` where ``path`` is missing or has none (macOS, ARM)."""
    return _field(path, "model name") or platform.processor() or platform.machine()


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_mb() -> int:
    """Main memory of this machine, in 10^6 bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6


def gpus(folder: Path = GPUS) -> list[str]:
    """Model names of the NVIDIA GPUs, sorted."""
    return sorted(_field(path, "Model") for path in folder.glob("*/information"))


def visible(environment: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that a process may use, named as in CUDA_VISIBLE_DEVICES.

    The list in that variable; if it is not set, all GPUs that the driver's library (NVML) reports: by number, or all by
    UUID where one is partitioned (MIG), each MIG instance as one GPU. NVML is loaded only if there is a driver. Under
    Slurm, which sets the variable for jobs with GPUs, an unset variable means no GPU.
    """
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        names = [name.strip() for name in listed.split(",")]
        return [name for name in names if name not in ("", "-1", "NoDevFiles")]
    if "SLURM_JOB_ID" in environment or not any((devices / name).exists() for name in DRIVER):
        return []
    return _from_driver()


def driver() -> str | None:
    """The version of NVIDIA's driver; None where it does not respond."""
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            return str(pynvml.nvmlSystemGetDriverVersion())
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None


def _from_driver() -> list[str]:
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            return _nvml_names()
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        log.warning("no GPU can be used: the NVIDIA driver does not respond (%s)", error)
        return []


def _nvml_names() -> list[str]:
    import pynvml

    uuids: list[str] = []
    partitioned: dict[int, list[str]] = {}
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
        except pynvml.NVMLError:  # not accessible to this process; CUDA leaves it out, too
            continue
        if (instances := _instances(gpu)) is not None:
            partitioned[len(uuids)] = instances
        uuids.append(pynvml.nvmlDeviceGetUUID(gpu))
    if not partitioned:
        return [str(number) for number in range(len(uuids))]
    return [name for number, uuid in enumerate(uuids) for name in partitioned.get(number, [uuid])]


def _instances(gpu: Any) -> list[str] | None:
    """UUIDs of the MIG instances of a GPU; None if it is not partitioned."""
    import pynvml

    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(gpu)
    except pynvml.NVMLError:  # no support for MIG
        return None
    if current != pynvml.NVML_DEVICE_MIG_ENABLE:
        return None
    uuids = []
    for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
        try:
            uuids.append(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, index)))
        except pynvml.NVMLError:  # no such instance, or not accessible to this process
            continue
    return uuids


def _field(path: Path, name: str) -> str:
    """The value of the first line ``name : value`` of a file; empty if there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
