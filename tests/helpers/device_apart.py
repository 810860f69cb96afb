"""The device "meta" in place of CUDA, as strict as CUDA is about where operands are; it has no values.

What a training does on a GPU can so be tested without one: an operation on tensors of both the device and the host
raises, as on CUDA, and so does reading a value, for which a host waits for its GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bertfit.attention import flash_attention
from bertfit.batching import packing
from bertfit.model import dropout
from bertfit.training import devices

APART = torch.device("meta")
COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
"""operations whose operands may be on two devices"""
VALUELESS = (torch.ops.aten._fused_adamw_.default, torch.ops.aten._fused_adamw_.tensor_lr)
"""operations that change their operands and return nothing, without an implementation on `APART`"""


class Apart(TorchDispatchMode):
    """Raises where an operation has operands on the host and on `APART`; counts all operations on `APART`.

    Without ``copies`` nothing is copied between them either: a CUDA graph would repeat the copy of its first batch.
    """

    def __init__(self, *, copies: bool = True) -> None:
        super().__init__()
        self.calls, self._allowed = 0, COPIES if copies else ()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by torch for each operation. A number of the host may take part: a tensor without dimensions."""
        kwargs = kwargs or {}
        operands = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        there = sum(operand.device.type == APART.type for operand in operands)
        here = [operand for operand in operands if operand.device.type != APART.type and operand.ndim]
        if function is torch.ops.aten._to_copy.default and not there:
            there = torch.device(kwargs.get("device") or "cpu").type == APART.type
        if there and here and function not in self._allowed:
            shapes = [tuple(operand.shape) for operand in here]
            raise RuntimeError(f"{function} has operands on the device and, of shapes {shapes}, on the host")
        self.calls += bool(there)
        if there and function in VALUELESS:
            return None
        return function(*args, **kwargs)


def record(step: Callable[[], Any], warm_up: Callable[[], None]) -> Callable[[], Any]:
    """In place of `CudaGraphs`: what is read or copied on the host within ``step`` would be fixed in a graph."""
    warm_up()

    def replay() -> Any:
        with Apart(copies=False):
            return step()

    return replay


def install(patch: pytest.MonkeyPatch) -> None:
    """Let `APART` take the ways of CUDA: attention of variable length, torch's dropout, clipping without reading."""
    patch.setitem(packing.BATCH_TOKENS, APART.type, packing.BATCH_TOKENS["cuda"])
    patch.setattr(devices, "precision", lambda device: nullcontext())
    patch.setattr(flash_attention, "usable", lambda query: query.device.type == APART.type)
    patch.setattr(flash_attention, "supported", lambda device, channels: device.type == APART.type)
    patch.setattr(dropout.Dropout, "forward", nn.Dropout.forward)
