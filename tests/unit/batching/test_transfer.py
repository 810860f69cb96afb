from __future__ import annotations

import numpy as np
import pytest
import torch

from bertfit.batching import transfer

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


@pytest.mark.parametrize("device", DEVICES)
def test_an_array_arrives_as_it_is(device):
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    tensor = transfer.to_device(array, torch.device(device))
    assert tensor.device.type == device and tensor.dtype == torch.int32 and tensor.tolist() == array.tolist()


@pytest.mark.parametrize("device", DEVICES)
def test_a_scalar_is_read_later(device):
    loss = torch.tensor(0.25, device=device, requires_grad=True) * 3
    scalar = transfer.AsyncScalar(loss)
    assert scalar.read() == 0.75 == scalar.read()
