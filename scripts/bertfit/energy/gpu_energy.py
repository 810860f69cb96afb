"""Energy of one GPU through NVML: its counter since the driver was loaded, else samples of its power.

A MIG instance has no counter of its own: it gets the part of the whole board's energy that its slices are of all
slices. Jobs that share a GPU get equal shares of it, whether all shares are in use or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

COUNTER, SAMPLES, NO_GPU, UNREADABLE = "NVML energy counter", "NVML power samples", "no GPU", "not readable"


class EnergyCounter(Protocol):
    """Energy since its creation."""

    method: str
    estimated: bool
    period: float
    """seconds between two calls of `joules` at most"""

    def joules(self) -> float:
        """Joules until now. Raises `RuntimeError` or `OSError` where the device does not respond."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


def open_gpu(uuid: str, share: float = 1.0) -> EnergyCounter | None:
    """The counter of the GPU or MIG instance with a ``uuid`` (``GPU-...``, ``MIG-...``); None where there is none.

    ``share``: the part of the GPU that is this job's (`gpu_lease.memory_share`).
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        gpu = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        reasons = ["jobs share the GPU"] if share < 1 else []
        if uuid.startswith("MIG-"):
            slices = pynvml.nvmlDeviceGetAttributes(gpu).gpuInstanceSliceCount
            gpu = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(gpu)
            share *= slices / pynvml.nvmlDeviceGetMaxMigDeviceCount(gpu)
            reasons.append("slices of a MIG instance")
        return _Nvml(gpu, share, " and ".join(reasons))
    except pynvml.NVMLError:
        pynvml.nvmlShutdown()
        return None


class _Nvml:
    """A `EnergyCounter` of a device handle of NVML, which is initialised."""

    def __init__(self, gpu: Any, share: float, reason: str, clock: Callable[[], float] = time.monotonic) -> None:
        import pynvml

        self._nvml, self._gpu, self._share, self._clock = pynvml, gpu, share, clock
        self._first: float | None = None
        try:
            self._first = self._counter()
            method, self.period = COUNTER, 600.0
        except pynvml.NVMLError:
            method, self.period = SAMPLES, 1.0
            self._sum, self._last = 0.0, (clock(), self._watts())
        self.method = f"{method}, times {share:.3g}: {reason}" if reason else method
        self.estimated = self._first is None or bool(reason)

    def _counter(self) -> float:
        """Joules since the driver was loaded."""
        return self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu) / 1e3  # of millijoules

    def _watts(self) -> float:
        return self._nvml.nvmlDeviceGetPowerUsage(self._gpu) / 1e3  # of milliwatts

    def joules(self) -> float:
        """Until now; of samples, as if the power had changed evenly between them."""
        try:
            if self._first is not None:
                taken = self._counter() - self._first
                if taken < 0:
                    raise RuntimeError("the energy counter of the GPU was reset")
                return self._share * taken
            (before, power), self._last = self._last, (self._clock(), self._watts())
        except self._nvml.NVMLError as error:
            raise RuntimeError(f"NVML: {error}") from error
        self._sum += (self._last[0] - before) * (self._last[1] + power) / 2
        return self._share * self._sum

    def close(self) -> None:
        """Release the driver's library."""
        self._nvml.nvmlShutdown()
