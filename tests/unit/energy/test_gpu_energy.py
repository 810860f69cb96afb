from __future__ import annotations

import itertools

import pytest

from bertfit.energy import gpu_energy
from helpers.fake_power import GPU, MIG, FakeNvml


def test_the_counter_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(millijoules=5_000_000).install(monkeypatch)
    counter = gpu_energy.open_gpu(GPU)
    assert counter is not None and (counter.method, counter.estimated) == ("NVML energy counter", False)
    nvml.millijoules = 5_720_000
    assert counter.joules() == counter.joules() == 720
    counter.close()
    assert nvml.opened == 0


def test_a_shared_gpu_is_divided_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(millijoules=0).install(monkeypatch)
    counter = gpu_energy.open_gpu(GPU, share=0.25)
    assert counter is not None
    nvml.millijoules = 8000
    assert counter.joules() == 2 and counter.estimated
    assert counter.method == "NVML energy counter, times 0.25: jobs share the GPU"


def test_an_instance_gets_its_slices_of_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(millijoules=1000).install(monkeypatch)
    counter = gpu_energy.open_gpu(MIG, share=0.5)
    assert counter is not None
    nvml.millijoules = 15_000
    assert counter.joules() == pytest.approx(14 * 2 / 7 * 0.5) and counter.estimated
    assert counter.method == "NVML energy counter, times 0.143: jobs share the GPU and slices of a MIG instance"


def test_power_is_sampled_where_there_is_no_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 W, after two seconds 300 W, a second later 300 W: 400 J and 300 J."""
    nvml = FakeNvml(milliwatts=100_000).install(monkeypatch)
    times = iter([0.0, 2.0, 3.0])
    counter = gpu_energy._Nvml(GPU, 1.0, "", clock=lambda: next(times))
    assert (counter.method, counter.estimated, counter.period) == ("NVML power samples", True, 1.0)
    nvml.milliwatts = 300_000
    assert [counter.joules(), counter.joules()] == [400, 700]


@pytest.mark.parametrize(
    ("nvml", "uuid"),
    [(FakeNvml(driver=False), GPU), (FakeNvml(millijoules=1), "GPU-0"), (FakeNvml(), GPU)],
    ids=["no driver", "another GPU", "neither counter nor power"],
)
def test_nothing_to_read(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml, uuid: str) -> None:
    assert gpu_energy.open_gpu(uuid) is None if nvml.install(monkeypatch) else False
    assert nvml.opened == 0


def test_a_driver_that_fails_or_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(millijoules=5000).install(monkeypatch)
    counters = list(itertools.islice(iter(lambda: gpu_energy.open_gpu(GPU), None), 1))
    nvml.millijoules = 10
    with pytest.raises(RuntimeError, match="was reset"):
        counters[0].joules()
    nvml.millijoules = None
    with pytest.raises(RuntimeError, match="NVML: Not Supported"):
        counters[0].joules()
