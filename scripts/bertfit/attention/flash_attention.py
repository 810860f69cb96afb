"""Attention inside each document of a packed row on CUDA, in half precision: variable-length kernels with dropout.

Two implementations of FlashAttention-2, without padding, mask or host synchronisation:

- `flash_attn_varlen_func` of the flash-attn package, if it is installed;
- else torch's own kernel, `aten._flash_attention_forward`. The public functions that call it are unsuitable:
  `torch.nn.attention.varlen.varlen_attn` fixes dropout at 0.0 (2.13, lines 101 and 118), and
  `scaled_dot_product_attention` on jagged nested tensors (nested/_internal/sdpa.py) adds 2.1 ms forward and 1.2 ms
  backward of host time per layer and step, where the operator itself takes 0.05: with twelve layers more than the whole
  step of a current GPU. The tests compare our call with the one made by that public function.

Both draw dropout from torch's CUDA generator and have a deterministic backward pass: the package by an argument, torch
under `torch.use_deterministic_algorithms(True)` (attention_backward.cu), which `device.prepare` sets.

Measured on an H200 with torch's kernel (docs/measured/gpu.md). Tests that need a GPU are skipped without one; the
others use the device "meta" (arguments, shapes, no host synchronisation) and, for the public function, a CPU.

Shapes: N packed tokens, H heads, C channels of a head.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)
CAPABILITY = (8, 0)  # Ampere, the minimum of both kernels
MAX_CHANNELS = 256  # and a multiple of 8


def usable(query: Tensor) -> bool:
    """Whether the kernels support the device, dtype and C of a query (1, H, N, C)."""
    return query.dtype in HALF and supported(query.device, query.shape[3])


def supported(device: torch.device, channels: int) -> bool:
    """Whether a device has the kernels, for heads of ``channels``."""
    if device.type != "cuda" or channels % 8 or channels > MAX_CHANNELS:
        return False
    return torch.cuda.get_device_capability(device) >= CAPABILITY


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ends: Tensor,
    longest: int,
    *,
    scaling: float,
    dropout: float,
    window: int | None = None,
) -> Tensor:
    """Attention output (1, N, H, C) of ``query``, ``key`` and ``value`` (1, H, N, C).

    ``ends`` (documents + 1,) int32 on the device: the first token of each document, and N. ``longest``: tokens of the
    longest document, passed to avoid a host synchronisation. ``window``: how far tokens attend, in tokens.
    """
    # (N, H, C) views, as the projections made them. Squeezed, as the gradient of an index is copied into zeros.
    packed = [states.transpose(1, 2).squeeze(0) for states in (query, key, value)]
    if (package := _package()) is not None:
        constants: dict[str, Any] = {"dropout_p": dropout, "softmax_scale": scaling, "deterministic": True}
        constants |= {} if window is None else {"window_size": (window, window)}
        mixed = package(*packed, ends, ends, longest, longest, **constants)
    else:
        causal = debug = False
        sides = {} if window is None else {"window_size_left": window, "window_size_right": window}
        mixed, *_ = torch.ops.aten._flash_attention_forward(
            *packed, ends, ends, longest, longest, dropout, causal, debug, scale=scaling, **sides
        )
    return mixed[None]


@lru_cache(maxsize=1)
def _package() -> Any | None:
    """The variable-length kernel of flash-attn; None if that package is not installed."""
    try:
        from flash_attn import flash_attn_varlen_func
    except ImportError:
        return None
    return flash_attn_varlen_func
