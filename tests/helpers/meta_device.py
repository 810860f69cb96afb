"""The device "meta", which has no values, in place of CUDA: what CUDA would refuse or wait for raises.

With it what a training does on a GPU is tested without one. `StrictDevices` is nearly as strict as CUDA about where
operands are: it also refuses indices on the host, and accepts numbers of the host (tensors without dimensions)
anywhere.
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

META = torch.device("meta")
TO_COPY, COPY = torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default
NOT_IMPLEMENTED = (torch.ops.aten._fused_adamw_.default, torch.ops.aten._fused_adamw_.tensor_lr)
"""operations without an implementation for `META`; they change their operands and return nothing"""


class StrictDevices(TorchDispatchMode):
    """Raises RuntimeError where an operation has operands on the host and on `META`; counts the operations on `META`.

    Raises, too, where a copy to the device is not asynchronous: the host would wait for its GPU, unless ``may_wait``.
    Without ``copies`` no copy is allowed: a CUDA graph would repeat that of its first batch. Reading a value from
    `META` is an error of torch.
    """

    def __init__(self, *, copies: bool = True, may_wait: bool = False) -> None:
        super().__init__()
        self.calls, self._copies, self._may_wait = 0, copies, may_wait

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by torch for each operation."""
        kwargs = kwargs or {}
        operands = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        there = any(operand.device == META for operand in operands)
        here = [operand for operand in operands if operand.device != META]
        if function is TO_COPY and here and torch.device(kwargs.get("device") or "cpu") == META:
            self._check_copy(here[0], waits=not kwargs.get("non_blocking"))
            there = True
        elif function is COPY and there and here:
            self._check_copy(args[1], waits=not (args[2] if len(args) > 2 else kwargs.get("non_blocking")))
        elif there and (arrays := [operand for operand in here if operand.ndim]):
            shapes = [tuple(operand.shape) for operand in arrays]
            raise RuntimeError(f"{function} has operands on the device and, of shapes {shapes}, on the host")
        self.calls += there
        return None if there and function in NOT_IMPLEMENTED else function(*args, **kwargs)

    def _check_copy(self, source: Tensor, *, waits: bool) -> None:
        if not self._copies:
            raise RuntimeError(f"a graph would repeat the copy of {tuple(source.shape)} numbers of its first batch")
        if waits and not self._may_wait:
            raise RuntimeError(f"the host would wait for the copy of {tuple(source.shape)} numbers")


def record(step: Callable[[], Any], warm_up: Callable[[], None]) -> Callable[[], Any]:
    """In place of `CudaGraphs`: what is read or copied on the host within ``step`` would be fixed in a graph."""
    warm_up()

    def replay() -> Any:
        with StrictDevices(copies=False):
            return step()

    return replay


def install(patch: pytest.MonkeyPatch) -> None:
    """Let `META` take the ways of CUDA: attention of variable length, torch's dropout."""
    patch.setitem(packing.BATCH_TOKENS, META.type, packing.BATCH_TOKENS["cuda"])
    patch.setattr(devices, "precision", lambda device: nullcontext())
    patch.setattr(flash_attention, "usable", lambda query: query.device == META)
    patch.setattr(flash_attention, "supported", lambda device, channels: device == META)
    patch.setattr(dropout.Dropout, "forward", nn.Dropout.forward)
