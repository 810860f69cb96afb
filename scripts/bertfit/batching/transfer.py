"""Asynchronous copies between host and GPU: a host that waits within a step leaves the GPU idle.

Copies from or to pageable memory wait for all queued work of the GPU; those from or to pinned memory are queued like a
kernel. On a CPU nothing is copied.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """The array as a tensor on ``device``, copied asynchronously to a GPU."""
    tensor = torch.from_numpy(array)
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


class AsyncScalar:
    """A scalar that is copied to the host asynchronously."""

    def __init__(self, scalar: Tensor) -> None:
        self._value = scalar.detach().to("cpu", non_blocking=True)  # pinned, if it comes from a GPU
        self._arrived = torch.cuda.Event() if scalar.is_cuda else None
        if self._arrived is not None:
            self._arrived.record()

    def read(self) -> float:
        """The value; waits for its copy, but not for work queued after it."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._value.item()
