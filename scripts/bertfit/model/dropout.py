"""Dropout whose draws are a function of (seed, step, rank), and cheap on a CPU.

On a CPU the bits come from a fresh SFC64 generator for every training step, at about 1 ns an element; torch's own
generator takes about 9 ns there, a tenth of a small model's step. On CUDA torch's dropout is kept, seeded likewise.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

LEVELS = 1 << 16


class Noise:
    """The random bits of one training step. `reseed` before each step; nothing else has to be remembered."""

    def __init__(self) -> None:
        self._bits = np.random.SFC64(0)

    def reseed(self, seed: int, step: int, rank: int = 0) -> None:
        """Make every later draw, torch's included, a function of ``(seed, step, rank)``.

        Of the rank and not of each document: a GPU's kernels draw for all of a packed row from one generator.
        """
        self._bits = np.random.SFC64(np.random.SeedSequence([seed, step, rank]))
        torch.manual_seed(int(self._bits.random_raw()))

    def keep(self, shape: torch.Size, p: float) -> Tensor:
        """A float32 CPU mask: 0 with probability ``p`` (to 16 bits), else the scale that keeps the mean at 1.

        A ``p`` that is 1 to 16 bits keeps nothing, as in torch.
        """
        size = shape.numel()
        bits = self._bits.random_raw(-(-size // 4)).view(np.uint16)[:size]
        threshold = round(p * LEVELS)
        if threshold >= LEVELS:
            return torch.zeros(shape)
        scale = np.float32(LEVELS / (LEVELS - threshold))
        return torch.from_numpy(np.multiply(bits >= threshold, scale, dtype=np.float32)).view(shape)


class Dropout(nn.Dropout):
    """Takes the place of `torch.nn.Dropout`; all of a model share one `Noise`."""

    def __init__(self, p: float, noise: Noise) -> None:
        super().__init__(p)
        self.noise = noise

    def forward(self, input: Tensor) -> Tensor:
        """Same shape and dtype as ``input``; the identity outside training."""
        if not self.training or self.p == 0 or input.is_cuda:
            return super().forward(input)
        return input * self.noise.keep(input.shape, self.p)


def install(model: nn.Module, noise: Noise, *, hidden: float, attention: float) -> None:
    """Replace every dropout of a Hugging Face BERT: ``attention`` on attention weights, ``hidden`` elsewhere."""
    from transformers.models.bert.modeling_bert import BertSelfAttention

    for parent in list(model.modules()):
        p = attention if isinstance(parent, BertSelfAttention) else hidden
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(parent, name, Dropout(p, noise))
