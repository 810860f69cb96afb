"""Time and memory of a GPU."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import torch

from bertfit.training import devices


def now() -> float:
    """Seconds of a clock, when all work queued on the GPU is done."""
    if devices.default_device().type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def milliseconds(function: Callable[[], object], *, times: int = 10, warmup: int = 3) -> float:
    """Median time of one call: on a GPU between events in its queue, without the wait of the host."""
    for _ in range(warmup):
        function()
    if devices.default_device().type != "cuda":
        spent = []
        for _ in range(times):
            began = time.perf_counter()
            function()
            spent.append(1e3 * (time.perf_counter() - began))
        return statistics.median(spent)
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(times)]
    for start, end in pairs:
        start.record()
        function()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(end) for start, end in pairs)


def free_memory() -> None:
    """Free what models before have left, and begin to count `peak_memory` anew."""
    gc.collect()
    if devices.default_device().type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> int | None:
    """Largest number of bytes reserved on the GPU since `free_memory`, those of CUDA graphs included; None on a CPU."""
    return torch.cuda.max_memory_reserved() if devices.default_device().type == "cuda" else None
