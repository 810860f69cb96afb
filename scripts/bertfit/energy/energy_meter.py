"""The energy of this process while a block runs, of its GPU and its CPU."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bertfit.energy import cpu_energy, gpu_energy
from bertfit.energy.energy_use import JOULES, Energy
from bertfit.energy.gpu_energy import EnergyCounter

log = logging.getLogger(__name__)


class EnergyMeter:
    """Reads the counters when asked, and in a thread of its own as often as they need it; neither waits for a GPU.

    A counter that fails leaves its part unknown: no training ends for that.
    """

    def __init__(self, gpu: EnergyCounter | None, cpu: EnergyCounter, *, has_gpu: bool) -> None:
        """``gpu`` is None without a GPU (not ``has_gpu``), and where it cannot be read."""
        self._counters = {"gpu": gpu, "cpu": cpu} if gpu else {"cpu": cpu}
        self._joules: dict[str, float | None] = {"gpu": None if has_gpu and gpu is None else 0.0, "cpu": 0.0}
        self._first, self._lock, self._ended = time.process_time(), threading.Lock(), threading.Event()
        self._methods = {"gpu": gpu_energy.UNREADABLE if has_gpu else gpu_energy.NO_GPU}
        self._methods |= {part: counter.method for part, counter in self._counters.items()}
        self._estimated = any(counter.estimated for counter in self._counters.values())
        self._period = min(counter.period for counter in self._counters.values())
        self._thread = threading.Thread(target=self._watch, daemon=True, name="energy")
        self._thread.start()

    def read(self) -> Energy:
        """The energy since the meter was made."""
        self._update()
        gpu, cpu = (None if joules is None else joules / JOULES for joules in self._joules.values())
        return Energy(
            gpu_kwh=gpu,
            cpu_kwh=cpu,
            gpu_method=self._methods["gpu"],
            cpu_method=self._methods["cpu"],
            estimated=self._estimated,
            cpu_seconds=time.process_time() - self._first,
            watts_per_core=cpu_energy.WATTS_PER_CORE if self._methods["cpu"] == cpu_energy.ESTIMATE else None,
        )

    def close(self) -> None:
        """End the thread and release the counters."""
        self._ended.set()
        self._thread.join()
        for counter in self._counters.values():
            counter.close()

    def _watch(self) -> None:
        while not self._ended.wait(self._period):
            self._update()

    def _update(self) -> None:
        with self._lock:
            for part, counter in self._counters.items():
                if self._joules[part] is None:
                    continue
                try:
                    self._joules[part] = counter.joules()
                except (OSError, RuntimeError, ValueError) as error:
                    log.warning("the energy of the %s is not known: %s", part.upper(), error)
                    self._joules[part] = None


@contextmanager
def measuring(gpu: str | None, share: float = 1.0, powercap: Path = cpu_energy.POWERCAP) -> Iterator[EnergyMeter]:
    """A meter of this process while the block runs.

    ``gpu``: the UUID of the GPU that it uses, see `gpu_energy.open_gpu`, None without one; ``share``: the part of the
    GPU that is this job's.
    """
    counter = gpu_energy.open_gpu(gpu, share) if gpu else None
    meter = EnergyMeter(counter, cpu_energy.open_rapl(powercap) or cpu_energy.CpuTimeEnergy(), has_gpu=gpu is not None)
    try:
        yield meter
    finally:
        meter.close()
