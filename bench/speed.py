"""Limits of a training step: peak speed of a matrix product on this machine, and the products' share of the step."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

import measure

SIZE = 2048
ATTENTION = "aten::_scaled_dot_product_flash_attention_for_cpu"  # products and little else
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", ATTENTION, f"{ATTENTION}_backward")


def peak(repetitions: int = 5) -> float:
    """Operations a second of a float32 product of two square matrices, the best of ``repetitions``."""
    left, right = torch.randn(2, SIZE, SIZE)
    best = float("inf")
    for _ in range(repetitions + 1):
        began = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - began)
    return 2 * SIZE**3 / best


def shares(steps: Callable[[], None]) -> dict[str, float]:
    """Operator -> share of the time of ``steps``: matrix products together as ``products``, then the largest others."""
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiled:
        began = time.perf_counter()
        steps()
        seconds = time.perf_counter() - began
    times = {event.key: event.self_cpu_time_total / 1e6 / seconds for event in profiled.key_averages()}
    products = sum(times.pop(name, 0.0) for name in PRODUCTS)
    largest = sorted(times.items(), key=lambda item: -item[1])[:6]
    return {name: round(share, 3) for name, share in [("products", products), *largest]}


def limits(operations_per_second: float, steps: Callable[[], None]) -> measure.Record:
    """GFLOP/s of our side and of a matrix product, their ratio, and the shares of the step's time."""
    most = peak()
    return {
        "gflops": round(operations_per_second / 1e9, 1),
        "peak_gflops": round(most / 1e9, 1),
        "of_peak": round(operations_per_second / most, 3),
        "shares": shares(steps),
    }
