"""Clipping, BERTAdam and the cast of the new weights in one pass over all parameters: a CUDA kernel in Triton.

torch's own need a launch for each tensor to clip it and two for its casts, and read every gradient three times. Here a
table in the memory of the device holds the addresses of each parameter's tensors, and each program of the kernel
updates a block of one of them. The reference is `optimizer.BertAdam` without it. Shapes: T parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from bertfit.batching.transfer import to_device
from bertfit.core.errors import UserError

BLOCK = 4096
COLUMNS = 5  # of the table of addresses: weight, first and second moment, copy, gradient


@triton.jit
def _update(
    table, blocks, sizes, rate_of, decays, scales, rates,
    BETA1: tl.constexpr, BETA2: tl.constexpr, EPSILON: tl.constexpr,
    COPY: tl.constexpr, ALIGN: tl.constexpr, BLOCK: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """One block of one parameter; ``rates``: both bias corrections, then the learning rates."""
    parameter = tl.load(blocks + 2 * tl.program_id(0))
    places = tl.load(blocks + 2 * tl.program_id(0) + 1) * BLOCK + tl.arange(0, BLOCK)
    inside = places < tl.load(sizes + parameter)
    row = table + COLUMNS * parameter
    weight = tl.multiple_of(tl.load(row).to(tl.pointer_type(tl.float32)), ALIGN) + places
    first = tl.multiple_of(tl.load(row + 1).to(tl.pointer_type(tl.float32)), ALIGN) + places
    second = tl.multiple_of(tl.load(row + 2).to(tl.pointer_type(tl.float32)), ALIGN) + places
    if COPY:
        gradient = tl.multiple_of(tl.load(row + 4).to(tl.pointer_type(tl.bfloat16)), ALIGN) + places
    else:
        gradient = tl.multiple_of(tl.load(row + 4).to(tl.pointer_type(tl.float32)), ALIGN) + places
    correction1, correction2 = tl.load(rates).to(tl.float32), tl.load(rates + 1).to(tl.float32)
    rate = tl.load(rates + 2 + tl.load(rate_of + parameter)).to(tl.float32)
    g = tl.load(gradient, mask=inside).to(tl.float32) * tl.load(scales + parameter)
    m = BETA1 * tl.load(first, mask=inside) + (1 - BETA1) * g
    v = BETA2 * tl.load(second, mask=inside) + (1 - BETA2) * g * g
    w = tl.load(weight, mask=inside)
    w -= rate * (m / correction1 / (tl.sqrt(v / correction2) + EPSILON) + tl.load(decays + parameter) * w)
    tl.store(first, m, mask=inside)
    tl.store(second, v, mask=inside)
    tl.store(weight, w, mask=inside)
    if COPY:
        copy = tl.multiple_of(tl.load(row + 3).to(tl.pointer_type(tl.bfloat16)), ALIGN) + places
        tl.store(copy, w.to(tl.bfloat16), mask=inside)


@dataclass(frozen=True)
class Entry:
    """What one parameter's update writes, and its constants."""

    weight: Tensor
    first: Tensor
    """moment, as ``second`` float32 and of the shape of ``weight``"""
    second: Tensor
    copy: Tensor | None
    """bfloat16; gradients are of its type, or without a copy float32"""
    rate: int
    """index of its learning rate"""
    decay: float
    """weight decay"""


class FusedUpdate:
    """Updates many parameters, each with a launch for those with and for those without a copy."""

    def __init__(self, entries: Sequence[Entry], *, beta1: float, beta2: float, epsilon: float) -> None:
        constants = {"BETA1": beta1, "BETA2": beta2, "EPSILON": epsilon}
        both = ([i for i, entry in enumerate(entries) if (entry.copy is None) == alone] for alone in (False, True))
        self._places = [places for places in both if places]
        self._tables = [_Table([entries[i] for i in places], constants) for places in self._places]

    def compile(self, rates: Tensor) -> None:
        """Compile the kernels, which is impossible while a CUDA graph is recorded. Nothing is updated.

        Raises `UserError` where Triton cannot.
        """
        try:
            for table in self._tables:
                table.compile(rates)
        except Exception as error:  # of Triton, the C compiler or the file system
            raise UserError(
                f"Triton cannot compile a kernel on this machine ({error}); it needs a C compiler and a writable cache "
                "(TRITON_CACHE_DIR); or train without it: --config half_weights=no"
            ) from error

    def launch(self, gradients: Sequence[Tensor], max_norm: float, *, common: bool, rates: Tensor) -> None:
        """Update all parameters with ``gradients`` in the order of the entries; ``rates`` as of the kernel.

        Gradients are scaled to a norm of at most ``max_norm``: each by itself, or by their ``common`` norm. While a
        CUDA graph is recorded, which cannot copy addresses, `recorded` has to follow.
        """
        of_tables = [[gradients[i] for i in places] for places in self._places]
        norms = [torch.stack(torch._foreach_norm(of_table, 2, torch.float32)) for of_table in of_tables]
        if common:
            total = torch.linalg.vector_norm(torch.cat(norms))
            norms = [total.expand(len(of_table)) for of_table in of_tables]
        for table, of_table, norm in zip(self._tables, of_tables, norms, strict=True):
            table.launch(of_table, (max_norm / (norm + 1e-6)).clamp(max=1).contiguous(), rates)

    def recorded(self) -> None:
        """Enter the addresses into the graph that was recorded."""
        for table in self._tables:
            table.recorded()


class _Table:
    """Parameters that all have a copy, or all have none."""

    def __init__(self, entries: Sequence[Entry], constants: dict[str, float]) -> None:
        self._device = entries[0].weight.device
        sizes = [entry.weight.numel() for entry in entries]
        counts = [-(-size // BLOCK) for size in sizes]
        blocks = [(parameter, block) for parameter, count in enumerate(counts) for block in range(count)]
        self._programs = len(blocks)
        self._static = [
            to_device(np.array(values, kind), self._device)
            for values, kind in (
                (blocks, np.int32),
                (sizes, np.int32),
                ([entry.rate for entry in entries], np.int32),
                ([entry.decay for entry in entries], np.float32),
            )
        ]
        rows = [(entry.weight, entry.first, entry.second, entry.copy) for entry in entries]
        assert all(tensor.is_contiguous() for row in rows for tensor in row if tensor is not None)
        self._tensors = rows  # their addresses are valid as long as they are
        self._addresses = np.array([[0 if tensor is None else tensor.data_ptr() for tensor in row] for row in rows])
        self._constants = constants | {"COPY": entries[0].copy is not None, "BLOCK": BLOCK, "COLUMNS": COLUMNS}
        self._filled = self._empty()
        self._recorded: np.ndarray | None = None
        self._of_graphs: list[Tensor] = []  # a graph knows the address of its table, but does not keep it

    def compile(self, rates: Tensor) -> None:
        blocks, sizes, *others = self._static
        scales = torch.ones(len(self._addresses), device=self._device)
        for align in (1, 16):
            self._run(1, [blocks, torch.zeros_like(sizes), *others, scales, rates], align)

    def launch(self, gradients: Sequence[Tensor], scales: Tensor, rates: Tensor) -> None:
        assert all(gradient.is_contiguous() for gradient in gradients), "the kernel reads gradients as they lie"
        column = np.array([[gradient.data_ptr()] for gradient in gradients])
        addresses = np.concatenate([self._addresses, column], 1)
        if self._device.type == "cuda" and torch.cuda.is_current_stream_capturing():
            self._recorded = addresses
        else:
            self._filled.copy_(to_device(addresses, self._device))
        self._run(self._programs, [*self._static, scales, rates], 1 if (addresses % 16).any() else 16)

    def recorded(self) -> None:
        if self._recorded is not None:
            self._filled.copy_(to_device(self._recorded, self._device))
            self._of_graphs.append(self._filled)
            self._filled, self._recorded = self._empty(), None

    def _run(self, programs: int, arguments: list[Tensor], align: int) -> None:
        _update[(programs,)](self._filled, *arguments, ALIGN=align, **self._constants)

    def _empty(self) -> Tensor:
        return torch.zeros(len(self._addresses), COLUMNS, dtype=torch.int64, device=self._device)
