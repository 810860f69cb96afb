"""What one training step consists of: kernels, time of GPU and host, and where the host waits for the GPU."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from bertfit.training import devices
from gpu import timing

LARGEST = 15
Step = Callable[[], Any]


def measured(step: Step, *, times: int = 3) -> dict[str, Any]:
    """Figures of one step, the mean over ``times`` after as many that do not count.

    ``wall_ms`` and ``host_ms``: until the GPU is done, and until the host has queued the step (on a CPU the same).
    On a GPU ``kernels`` (copies included), ``busy_ms`` (their durations), ``copies`` by direction and ``largest``, the
    kernels with the longest total time; on a CPU ``operator_calls``.
    """
    for _ in range(times):
        step()
    began = timing.now()
    for _ in range(times):
        step()
    queued = time.perf_counter()
    figures: dict[str, Any] = {
        "wall_ms": 1e3 * (timing.now() - began) / times,
        "host_ms": 1e3 * (queued - began) / times,
    }
    cuda = devices.default_device().type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities, acc_events=True) as profiled:
        for _ in range(times):
            step()
        timing.now()
    events = profiled.events() or []
    if not cuda:
        calls = sum(event.name.startswith("aten::") for event in events)
        return figures | {"operator_calls": calls / times}
    return figures | _kernels([event for event in events if _is_kernel(event)], times)


def _is_kernel(event: Any) -> bool:
    """Whether a GPU did it: not a range that the profiler or an optimiser has named."""
    named = getattr(event, "is_user_annotation", False) or event.name.startswith(("Optimizer.", "ProfilerStep"))
    return event.device_type == DeviceType.CUDA and not named


def _kernels(kernels: list[Any], times: int) -> dict[str, Any]:
    spent: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for kernel in kernels:
        spent[kernel.name] += kernel.time_range.elapsed_us() / 1e3 / times
        number[kernel.name] += 1
    copies = {kind: sum(n for name, n in number.items() if kind in name) / times for kind in ("HtoD", "DtoH", "DtoD")}
    largest = [
        {"name": name[:120], "ms": round(ms, 4), "calls": number[name] / times}
        for name, ms in spent.most_common(LARGEST)
    ]
    return {"kernels": len(kernels) / times, "busy_ms": sum(spent.values()), "copies": copies, "largest": largest}


def waits(step: Step) -> dict[str, int] | None:
    """Place in the code -> how often the host waits there for the GPU in one step, as torch sees it; None on a CPU.

    The step must have run before: its first run loads kernels.
    """
    if devices.default_device().type != "cuda":
        return None
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    places = (f"{Path(warning.filename).name}:{warning.lineno}" for warning in heard if _of_a_wait(warning))
    return dict(Counter(places))


def _of_a_wait(warning: warnings.WarningMessage) -> bool:
    return "synchroniz" in str(warning.message)
