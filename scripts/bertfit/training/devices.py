"""Device, threads, determinism and precision of a training."""

from __future__ import annotations

import os

import torch

from bertfit.runtime import gpu_lease
from bertfit.training import distributed


def default_device() -> torch.device:
    """A GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def prepare(threads: int) -> torch.device:
    """Set threads, rounding and determinism of this process, and its share of the GPU; returns `default_device`."""
    # Where training fails, gradients are so small that their squares are denormal numbers, which a CPU takes many times
    # as long to compute with. Set before threads start, which inherit it.
    torch.set_flush_denormal(True)
    torch.set_num_threads(max(1, threads // distributed.size()))
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True)
        # No TF32 in LSTMs, cuDNN's default. With `rnn.fp32_precision` torch.export fails, which reads this switch.
        torch.backends.cudnn.allow_tf32 = False
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs kernels
        if (share := gpu_lease.memory_share(os.environ)) < 1:
            torch.cuda.set_per_process_memory_fraction(share)
    return default_device()


def precision(device: torch.device) -> torch.autocast:
    """bfloat16 products on CUDA, plain float32 on a CPU."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
