from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertfit.energy import cpu_energy
from bertfit.energy.cpu_energy import CpuTimeEnergy, RaplEnergy
from helpers.fake_power import zone


def clock(*values: float) -> Callable[[], float]:
    """Returns one value after the other."""
    rest = iter(values)
    return lambda: next(rest)


def test_the_energy_of_an_interval_is_divided_by_cpu_time(tmp_path: Path) -> None:
    """Of 10 J this process, with 1 of 4 CPU seconds, gets 2.5; then of 6 J all: its CPU time is that of the machine."""
    package, memory = zone(tmp_path, "0", "package-0", 0), zone(tmp_path, "0:0", "dram", 500)
    energy = RaplEnergy({package: 1e9, memory: 1e9}, clock(100, 104, 106), clock(7, 8, 10))
    zone(tmp_path, "0", "package-0", 8_000_000)
    zone(tmp_path, "0:0", "dram", 2_000_500)
    assert energy.joules() == 2.5
    zone(tmp_path, "0", "package-0", 14_000_000)
    assert energy.joules() == 8.5


def test_a_counter_that_begins_again(tmp_path: Path) -> None:
    package = zone(tmp_path, "0", "package-0", 900)
    energy = RaplEnergy({package: 1000}, clock(0, 1, 2), clock(0, 1, 2))
    zone(tmp_path, "0", "package-0", 100)
    assert energy.joules() == pytest.approx(200e-6)
    zone(tmp_path, "0", "package-0", 150)
    assert energy.joules() == pytest.approx(250e-6)


@given(steps=st.lists(st.integers(0, 999), max_size=20), first=st.integers(0, 999))
def test_any_number_of_wraps_adds_up(tmp_path_factory: pytest.TempPathFactory, steps: list[int], first: int) -> None:
    """As long as it is read once before it has gone round."""
    folder = tmp_path_factory.mktemp("rapl")
    package, total, taken = zone(folder, "0", "package-0", first), first, 0.0
    times = [float(number) for number in range(len(steps) + 1)]
    energy = RaplEnergy({package: 1000}, clock(*times), clock(*times))
    for step in steps:
        total += step
        zone(folder, "0", "package-0", total % 1000)
        taken = energy.joules()
    assert taken == pytest.approx(sum(steps) / 1e6)


def test_zones_that_count_and_those_that_are_in_others(tmp_path: Path) -> None:
    for place, name in {
        "intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:0:1": "uncore", "intel-rapl:0:2": "dram",
        "intel-rapl:1": "package-1-die-0", "intel-rapl:2": "psys", "intel-rapl-mmio:0": "package-0",
    }.items():  # fmt: skip
        zone(tmp_path, place, name, 1)
    (tmp_path / "intel-rapl").mkdir()
    energy = cpu_energy.open_rapl(tmp_path)
    assert energy is not None and not energy.estimated
    assert [path.name for path in energy._zones] == ["intel-rapl:0", "intel-rapl:0:2", "intel-rapl:1"]
    assert set(energy._zones.values()) == {262_143_328_850}


def test_no_counters(tmp_path: Path) -> None:
    assert cpu_energy.open_rapl(tmp_path / "absent") is None
    assert cpu_energy.open_rapl(tmp_path) is None
    zone(tmp_path, "intel-rapl:0:2", "dram", 1)
    assert cpu_energy.open_rapl(tmp_path) is None  # memory alone is not the energy of a processor


@pytest.mark.parametrize("file", ["energy_uj", "max_energy_range_uj", "name"])
def test_counters_that_cannot_be_read(tmp_path: Path, file: str) -> None:
    """A folder in place of the file: the tests may run as root, who may read any file."""
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    broken = zone(tmp_path, "intel-rapl:1", "package-1", 1) / file
    broken.unlink()
    broken.mkdir()
    assert cpu_energy.open_rapl(tmp_path) is None


def test_damaged_counters(tmp_path: Path) -> None:
    (zone(tmp_path, "intel-rapl:0", "package-0", 1) / "energy_uj").write_text("many")
    assert cpu_energy.open_rapl(tmp_path) is None


@pytest.mark.parametrize(
    ("own", "busy", "expected"), [(1, 4, 0.25), (5, 4, 1), (0, 4, 0), (1, 0, 1), (0, 0, 0), (1, -1, 1)]
)
def test_share_is_between_none_and_all(own: float, busy: float, expected: float) -> None:
    assert cpu_energy.share(own, busy) == expected


def test_an_estimate_is_cpu_time_times_watts() -> None:
    energy = CpuTimeEnergy(clock(10, 12.5))
    assert energy.joules() == 2.5 * 12 and energy.estimated


def test_the_cpu_time_of_the_machine_holds_that_of_this_process() -> None:
    first, own = cpu_energy._busy_seconds(), time.process_time()
    while time.process_time() - own < 0.2:
        pass
    busy = cpu_energy._busy_seconds() - first
    assert busy > 0.15
    assert busy < 10 * psutil.cpu_count()  # idle time, hundreds of hours, is not in it
