from __future__ import annotations

import pytest
import torch

from bertfit.runtime import gpu_lease
from bertfit.training import devices


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
