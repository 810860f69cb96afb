"""Versions and card; which modules of bertfit cannot be imported here; the limits of this device."""

from __future__ import annotations

import importlib
import pkgutil
import time

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import torch

import bertfit
from bertfit.training import devices
from gpu import timing
from gpu.report import Report, Settings

PACKAGES = (*measure.PACKAGES, "triton", "safetensors", "pydantic", "ruamel.yaml", "filelock", "psutil", "pytest")
LAUNCHES = 2000


def run(report: Report, settings: Settings) -> None:
    """Report all of it."""
    device = devices.prepare(settings.threads)
    versions = {name: measure.installed(name) for name in PACKAGES}
    report.put(versions=versions, device=device.type)
    report.say(", ".join(f"{name} {version}" for name, version in versions.items()))
    if device.type == "cuda":
        report.attempt("card", lambda: card(report))
    missing = not_importable()
    report.put(not_importable=missing)
    report.say(f"modules of bertfit that cannot be imported: {missing or 'none'}")
    report.attempt("limits", lambda: limits(report, device, settings.tiny))


def card(report: Report) -> None:
    """Name, memory and multiprocessors of the GPU, and versions of its libraries."""
    properties = torch.cuda.get_device_properties(0)
    values = {
        "name": properties.name,
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "multiprocessors": properties.multi_processor_count,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "nccl": ".".join(map(str, torch.cuda.nccl.version())) if torch.distributed.is_nccl_available() else None,
    }
    report.put(card=values)
    report.say(", ".join(f"{name} {value}" for name, value in values.items()))


def not_importable() -> dict[str, str]:
    """Module of bertfit -> why it cannot be imported."""
    failed = {}
    for module in pkgutil.walk_packages(bertfit.__path__, "bertfit."):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            failed[module.name] = str(error)
    return failed


def limits(report: Report, device: torch.device, tiny: bool) -> None:
    """Rate of a product, bandwidth of a copy, and time to launch a kernel."""
    rate, kind = product_rate(device, tiny)
    source = torch.randn(2**20 if tiny else 2**29, device=device)
    target = torch.empty_like(source)
    copied = 2 * source.numel() * source.element_size()  # read and written
    bandwidth = copied / (1e-3 * timing.milliseconds(lambda: target.copy_(source)))
    launch = launch_seconds(device, LAUNCHES // 20 if tiny else LAUNCHES)
    report.put(product_flops=rate, product_dtype=kind, copy_bytes_per_second=bandwidth, launch_us=1e6 * launch)
    report.say(
        f"{kind} product {rate / 1e12:.4g} TFLOP/s, copy {bandwidth / 1e12:.3g} TB/s, launch {1e6 * launch:.3g} us"
    )


def product_rate(device: torch.device, tiny: bool) -> tuple[float, str]:
    """Operations a second of a product of two square matrices, and their type: that of a training on this device."""
    size = 256 if tiny else 8192
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    rate = 2 * size**3 / (1e-3 * timing.milliseconds(lambda: left @ right))
    return rate, str(dtype).removeprefix("torch.")


def launch_seconds(device: torch.device, launches: int) -> float:
    """Host time to queue one tiny kernel, without autograd."""
    small = torch.zeros(8, device=device)
    small.add_(1)
    timing.now()
    began = time.perf_counter()
    for _ in range(launches):
        small.add_(1)
    spent = time.perf_counter() - began
    timing.now()
    return spent / launches
