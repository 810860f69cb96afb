"""Energy of the CPU: of RAPL's counters the share of this process, else an estimate from its CPU time.

RAPL (Running Average Power Limit) counts the energy of processor packages, and of memory where it is a zone of its own.
Linux shows it below ``/sys/class/powercap`` for processors of Intel and of AMD, by default to root alone (against
CVE-2020-8694). It knows no processes. Each interval's energy is divided by CPU time: a process gets the part that its
CPU time is of that of all processes of the machine, of an otherwise idle machine all of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
RAPL, ESTIMATE = "RAPL counters, by share of CPU time", "estimated from CPU time"
WATTS_PER_CORE = 12.0
"""assumed where no counter can be read: row "Any" of data/latest/TDP_cpu.csv of GreenAlgorithms/green-algorithms-tool
(Lannelongue, Grealey, Inouye 2021, doi 10.1002/advs.202100707). The processors in it have 3.8 to 23.8 W a core."""


class RaplEnergy:
    """Energy by RAPL, see `open_rapl`."""

    method, estimated, period = RAPL, False, 60.0  # a package at 300 W needs some 15 minutes for 2**32 * 61 microjoules

    def __init__(
        self,
        zones: dict[Path, float],
        busy: Callable[[], float],
        own: Callable[[], float] = time.process_time,
    ) -> None:
        """``zones``: folder -> the microjoules after which its counter begins again.

        ``busy`` and ``own`` return the CPU seconds of all processes of the machine, and of this one.
        """
        self._zones, self._busy, self._own = zones, busy, own
        self._joules, self._last = 0.0, self._read()

    def _read(self) -> tuple[dict[Path, float], float, float]:
        return {zone: _number(zone / "energy_uj") for zone in self._zones}, self._busy(), self._own()

    def joules(self) -> float:
        """Of this process until now."""
        (before, busy, own), self._last = self._last, self._read()
        counters, busy_now, own_now = self._last
        taken = 0.0
        for zone, largest in self._zones.items():
            difference = counters[zone] - before[zone]
            taken += difference + (largest if difference < 0 else 0)
        self._joules += taken / 1e6 * share(own_now - own, busy_now - busy)
        return self._joules

    def close(self) -> None:
        """Nothing to release."""


class CpuTimeEnergy:
    """Energy estimated as CPU time times `WATTS_PER_CORE`."""

    method, estimated, period = ESTIMATE, True, 600.0

    def __init__(self, own: Callable[[], float] = time.process_time) -> None:
        self._own, self._first = own, own()

    def joules(self) -> float:
        """Of this process until now."""
        return WATTS_PER_CORE * (self._own() - self._first)

    def close(self) -> None:
        """Nothing to release."""


def open_rapl(folder: Path = POWERCAP) -> RaplEnergy | None:
    """RAPL's counters below ``folder``; None where there are none, or one of them cannot be read.

    Zones: packages (their parts, core and uncore, are in them) and memory (dram). ``intel-rapl-mmio`` repeats a
    package, and psys is the whole platform.
    """
    try:
        named = {zone: (zone / "name").read_text(encoding="utf-8").strip() for zone in folder.glob("intel-rapl:*")}
        zones = {
            zone: _number(zone / "max_energy_range_uj")
            for zone, name in sorted(named.items())
            if name.startswith("package-") or name == "dram"
        }
        return RaplEnergy(zones, _busy_seconds) if any("package-" in named[zone] for zone in zones) else None
    except (OSError, ValueError):
        return None


def share(own: float, busy: float) -> float:
    """The part of an interval's energy that is this process's, of its CPU seconds and those of the machine.

    From 0 to 1: the machine counts its own in ticks of 10 ms.
    """
    return min(1.0, own / busy) if busy > 0 else float(own > 0)


def _busy_seconds() -> float:
    """CPU seconds of all processes since the machine was started."""
    import psutil

    times = psutil.cpu_times()._asdict()
    guests = times.get("guest", 0.0) + times.get("guest_nice", 0.0)  # they are in user and nice, too
    return sum(times.values()) - times["idle"] - times.get("iowait", 0.0) - guests


def _number(path: Path) -> float:
    return float(path.read_text(encoding="utf-8"))
