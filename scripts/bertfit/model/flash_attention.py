"""Attention inside each document of a packed row on CUDA, in half precision: kernels of variable length with dropout.

Two ways to the same algorithm (FlashAttention-2), neither with padding, a mask or a look at a value on the host:

- the flash-attn package, if it is installed: `flash_attn_varlen_func`;
- else the kernel that torch brings, `aten._flash_attention_forward`. The public calls that end in it do not serve:
  `torch.nn.attention.varlen.varlen_attn` writes dropout 0.0 into it (2.13, lines 101 and 118), and
  `scaled_dot_product_attention` on jagged nested tensors (nested/_internal/sdpa.py) spends 2.1 ms forward and 1.2 ms
  backward of the host's time on wrapping, a layer and step, where the operator itself takes 0.05: with twelve layers
  more than the whole step of a current GPU. The tests hold our call to what that public way calls.

Both draw dropout from torch's CUDA generator, and both have a deterministic backward: the package by its argument,
torch's under `torch.use_deterministic_algorithms(True)` (attention_backward.cu), which `device.prepare` sets.

Measured on an H200 with torch's kernel (docs/measured/gpu.md). The tests that need a GPU are skipped without one; the
others call the device "meta" (arguments, shapes, no host synchronisation) and, for the public way, a CPU.

Shapes: N packed tokens, H heads, C channels of a head.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)
CAPABILITY = (8, 0)  # Ampere; both kernels need it
CHANNELS = 256  # at most, and a multiple of 8


def usable(query: Tensor) -> bool:
    """Whether the kernels take a query (1, H, N, C) of this device, number format and C."""
    if not query.is_cuda or query.dtype not in HALF or query.shape[3] % 8 or query.shape[3] > CHANNELS:
        return False
    return torch.cuda.get_device_capability(query.device) >= CAPABILITY


def attend(
    query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, *, scaling: float, dropout: float
) -> Tensor:
    """(1, H, N, C) each -> (1, N, H, C).

    ``ends`` (documents + 1,) int32 on the device: the first token of each document, and N. ``longest``: tokens of the
    longest document; given, so that no kernel has to ask the device for it.
    """
    # (N, H, C) views, as the projections left them. Squeezed, not indexed: the gradient of an index is laid into zeros.
    packed = [states.transpose(1, 2).squeeze(0) for states in (query, key, value)]
    if (package := _package()) is not None:
        mixed = package(
            *packed, ends, ends, longest, longest, dropout_p=dropout, softmax_scale=scaling, deterministic=True
        )
    else:
        causal = debug = False
        mixed, *_ = torch.ops.aten._flash_attention_forward(
            *packed, ends, ends, longest, longest, dropout, causal, debug, scale=scaling
        )
    return mixed[None]


@lru_cache(maxsize=1)
def _package() -> Any | None:
    """The variable-length kernel of flash-attn, if that package is installed."""
    try:
        from flash_attn import flash_attn_varlen_func
    except ImportError:
        return None
    return flash_attn_varlen_func
