"""Dropout whose masks are a function of (seed, step, rank), and cheap on a CPU.

On a CPU the bits come from a new SFC64 generator at every training step, at about 1 ns per element; torch's generator
takes about 9 ns, a tenth of a small model's step. On CUDA torch's dropout is used, with the same seeding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

LEVELS = 1 << 16


class Noise:
    """The random bits of a training step. Call `reseed` before each step; there is no other state."""

    def __init__(self) -> None:
        self._bits = np.random.SFC64(0)

    def reseed(self, seed: int, step: int, rank: int = 0) -> None:
        """Make all later draws, torch's included, a function of ``(seed, step, rank)``.

        They depend on the rank, not on single documents: a GPU kernel draws for a whole packed row from one generator.
        """
        self._bits = np.random.SFC64(np.random.SeedSequence([seed, step, rank]))
        drawn = int(self._bits.random_raw())
        torch.default_generator.manual_seed(drawn)
        if torch.cuda.is_initialized():  # torch.manual_seed also queues a call for each backend that is not there
            torch.cuda.manual_seed(drawn)

    def keep(self, shape: torch.Size, p: float) -> Tensor:
        """A float32 CPU mask of ``shape``: 0 with probability ``p`` (rounded to 16 bits), else 1 / (1 - p).

        All zeros if ``p`` rounds to 1, as in torch.
        """
        size = shape.numel()
        bits = self._bits.random_raw(-(-size // 4)).view(np.uint16)[:size]
        threshold = round(p * LEVELS)
        if threshold >= LEVELS:
            return torch.zeros(shape)
        scale = np.float32(LEVELS / (LEVELS - threshold))
        return torch.from_numpy(np.multiply(bits >= threshold, scale, dtype=np.float32)).view(shape)


class Dropout(nn.Dropout):
    """Replaces `torch.nn.Dropout`; all instances in a model share a `Noise`."""

    def __init__(self, p: float, noise: Noise) -> None:
        super().__init__(p)
        self.noise = noise

    def forward(self, input: Tensor) -> Tensor:
        """A tensor of the shape and dtype of ``input``; the identity outside training."""
        if not self.training or self.p == 0 or input.is_cuda:
            return super().forward(input)
        return input * self.noise.keep(input.shape, self.p)


def install(model: nn.Module, noise: Noise, probability: Callable[[nn.Module, nn.Dropout], float]) -> None:
    """Replace every dropout of a model by one with the ``probability`` that its parent module and itself get."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(parent, name, Dropout(probability(parent, child), noise))
