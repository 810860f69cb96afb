"""Copies between host and GPU that nobody waits for: a host that waits inside a step leaves the GPU without work.

A copy from or to ordinary memory waits for all that the GPU has to do before it; one from or to pinned memory is queued
like a kernel. On a CPU nothing is copied.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def moved(array: np.ndarray, where: torch.device) -> Tensor:
    """The array as a tensor on ``where``."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(where, non_blocking=True) if where.type == "cuda" else tensor


class Coming:
    """A scalar on its way to the host, which does other things meanwhile."""

    def __init__(self, scalar: Tensor) -> None:
        self._value = scalar.detach().to("cpu", non_blocking=True)  # pinned, if it comes from a GPU
        self._arrived = torch.cuda.Event() if scalar.is_cuda else None
        if self._arrived is not None:
            self._arrived.record()

    def read(self) -> float:
        """The value; waits for it, and for nothing that was queued after it."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._value.item()
