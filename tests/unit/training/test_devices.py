from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch

from bertfit.energy.energy_use import Energy
from bertfit.runtime import gpu_lease
from bertfit.training import devices
from helpers.fake_power import MIG, FakeNvml


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("asked", "processes", "each"), [(4, 1, 4), (4, 2, 2), (3, 2, 1), (1, 2, 1)])
def test_ranks_share_the_threads_of_the_job(monkeypatch, asked, processes, each):
    monkeypatch.setattr(devices.distributed, "size", lambda: processes)
    assert devices.prepare(asked) == devices.default_device()
    assert torch.get_num_threads() == each


@pytest.mark.usefixtures("threads")
def test_numbers_that_slow_a_cpu_down_are_zero():
    """As the squares of gradients of 1e-20, those of a network that has collapsed."""
    tiny = torch.full((4,), 1e-20)
    assert (tiny * tiny).count_nonzero() == 4
    devices.prepare(1)
    assert (tiny * tiny).count_nonzero() == 0 and tiny.count_nonzero() == 4


@pytest.fixture
def tf32():
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.usefixtures("threads", "tf32")
def test_jobs_that_share_a_gpu_share_its_memory(monkeypatch):
    fractions = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", fractions.append)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda mode: None)
    devices.prepare(1)
    assert fractions == []
    assert torch.backends.cudnn.rnn.fp32_precision != "tf32"
    with torch.backends.cudnn.flags(enabled=False):  # as torch.export does; raises where switches contradict each other
        pass
    monkeypatch.setenv(gpu_lease.MEMORY_SHARE, "0.25")
    devices.prepare(1)
    assert fractions == [0.25]


def test_products_are_float32_on_a_cpu():
    with devices.precision(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_products_are_bfloat16_and_deterministic_on_a_gpu():
    device = devices.prepare(1)
    with devices.precision(device):
        assert (torch.ones(2, 2, device=device) @ torch.ones(2, 2, device=device)).dtype == torch.bfloat16
    assert torch.are_deterministic_algorithms_enabled()


ENERGY = Energy(gpu_kwh=1.0, cpu_kwh=None, gpu_method="g", cpu_method="c", estimated=False, cpu_seconds=2.0)


def test_energy_of_all_ranks(monkeypatch):
    assert devices.of_all_ranks(ENERGY) is ENERGY
    monkeypatch.setattr(devices.distributed, "size", lambda: 3)
    monkeypatch.setattr(devices.distributed, "total", lambda tensor: 3 * tensor)
    assert devices.of_all_ranks(ENERGY) == ENERGY.model_copy(update={"gpu_kwh": 3.0, "cpu_seconds": 6.0})


@pytest.mark.parametrize(
    ("listed", "device", "uuid"),
    [
        ("0,1", "cuda", "GPU-of-1"),
        ("", "cuda:0", "GPU-of-0"),
        ("GPU-a,GPU-b", "cuda:0", "GPU-of-0"),
        ("MIG-a,MIG-b", "cuda", "MIG-b"),
        ("0", "cpu", None),
    ],
)
def test_the_gpu_of_this_process_as_the_driver_names_it(monkeypatch, listed, device, uuid):
    """Of a rank that has the second of two GPUs, by torch: an abbreviation in the variable would not be found."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=f"of-{number}"))
    assert devices._uuid(torch.device(device)) == uuid


def test_energy_of_the_cpu_and_of_a_share_of_a_gpu(monkeypatch):
    with devices.measuring_energy(torch.device("cpu")) as meter:
        energy = meter.read()
    assert energy.gpu_kwh == 0 and energy.cpu_seconds > 0
    nvml = FakeNvml(millijoules=0).install(monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", MIG)
    monkeypatch.setenv(gpu_lease.MEMORY_SHARE, "0.5")
    with devices.measuring_energy(torch.device("cuda:0")) as meter:
        nvml.millijoules = 7 * 3_600_000_000
        assert meter.read().gpu_kwh == pytest.approx(1.0)  # of 7 kWh a half, of which the instance has two slices of 7


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_at_work_takes_energy_that_is_measured():
    device = torch.device("cuda")
    with devices.measuring_energy(device) as meter:
        matrix, end = torch.ones(4096, 4096, device=device), time.monotonic() + 1
        while time.monotonic() < end:
            (matrix @ matrix).sum().item()
        energy = meter.read()
    assert energy.gpu_kwh is not None and 20 < energy.gpu_kwh * 3.6e6 < 2000  # watts of a second
