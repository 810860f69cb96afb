from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from bertfit.energy import cpu_energy, energy_meter
from bertfit.energy.energy_meter import EnergyMeter
from helpers.fake_power import GPU, FakeNvml, zone


class Counter:
    """Each reading is a joule more."""

    method, estimated = "made up", False

    def __init__(self, period: float = 600.0, fails: bool = False) -> None:
        self.period, self.fails, self.readings, self.closed = period, fails, 0, False

    def joules(self) -> float:
        if self.fails:
            raise RuntimeError("lost")
        self.readings += 1
        return 3.6e6 * self.readings

    def close(self) -> None:
        self.closed = True


def test_gpu_and_cpu_by_their_counters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A quarter of a GPU that took 3.6 MJ, and all of the processor's 7.2 kJ."""
    nvml = FakeNvml(millijoules=0).install(monkeypatch)
    monkeypatch.setattr(cpu_energy, "_busy_seconds", lambda: 0.0)  # no other processes
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    with energy_meter.measuring(GPU, 0.25, powercap=tmp_path) as meter:
        nvml.millijoules = 3_600_000_000
        zone(tmp_path, "intel-rapl:0", "package-0", 7_200_000_000)
        energy = meter.read()
    assert (energy.gpu_kwh, energy.estimated, energy.watts_per_core) == (0.25, True, None)
    assert energy.cpu_kwh == pytest.approx(0.002) and energy.cpu_method == "RAPL counters, by share of CPU time"
    assert nvml.opened == 0


def test_without_a_gpu_and_counters(tmp_path: Path) -> None:
    with energy_meter.measuring(None, powercap=tmp_path) as meter:
        energy = meter.read()
    assert (energy.gpu_kwh, energy.gpu_method, energy.estimated) == (0, "no GPU", True)
    assert energy.watts_per_core == 12 and energy.cpu_kwh == pytest.approx(energy.cpu_seconds * 12 / 3.6e6, abs=1e-8)
    assert energy.kwh == energy.cpu_kwh


def test_a_gpu_that_cannot_be_read_is_unknown_and_not_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    FakeNvml(driver=False).install(monkeypatch)
    with energy_meter.measuring(GPU, powercap=tmp_path) as meter:
        energy = meter.read()
    assert (energy.gpu_kwh, energy.kwh, energy.gpu_method) == (None, None, "not readable")
    assert energy.cpu_kwh is not None


def test_a_counter_that_fails_leaves_its_part_unknown(caplog: pytest.LogCaptureFixture) -> None:
    gpu, cpu = Counter(), Counter()
    meter = EnergyMeter(gpu, cpu, has_gpu=True)
    assert (meter.read().gpu_kwh, meter.read().cpu_kwh) == (1, 2)
    gpu.fails = True
    with caplog.at_level(logging.WARNING):
        readings = [meter.read(), meter.read()]
    gpu.fails = False
    assert [(each.gpu_kwh, each.cpu_kwh) for each in [*readings, meter.read()]] == [(None, 3), (None, 4), (None, 5)]
    assert caplog.text.count("the energy of the GPU is not known: lost") == 1
    meter.close()
    assert gpu.closed and cpu.closed


def test_it_reads_as_often_as_a_counter_needs_it_and_ends() -> None:
    cpu = Counter(period=0.01)
    meter = EnergyMeter(None, cpu, has_gpu=False)
    deadline = time.monotonic() + 20
    while cpu.readings < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    meter.close()
    readings = cpu.readings
    time.sleep(0.05)
    assert cpu.readings == readings and "energy" not in [thread.name for thread in threading.enumerate()]


def test_a_block_that_fails_ends_the_thread(tmp_path: Path) -> None:
    with pytest.raises(KeyError), energy_meter.measuring(None, powercap=tmp_path):
        raise KeyError
    assert "energy" not in [thread.name for thread in threading.enumerate()]
