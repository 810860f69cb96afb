from __future__ import annotations

import pytest
import torch

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


def test_products_are_float32_on_a_cpu():
    with devices.precision(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_products_are_bfloat16_and_deterministic_on_a_gpu():
    device = devices.prepare(1)
    with devices.precision(device):
        assert (torch.ones(2, 2, device=device) @ torch.ones(2, 2, device=device)).dtype == torch.bfloat16
    assert torch.are_deterministic_algorithms_enabled()
