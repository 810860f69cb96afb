"""Packed texts of random tokens, for encoders of `small_encoders`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bertfit.batching import model_inputs, packing
from helpers import small_encoders

LENGTHS = [2, 5, 5, 9, 17, 40, 64, 90, 91, 150]


def batch(seed: int = 1, lengths: list[int] = LENGTHS) -> packing.Batch:
    """Texts of these lengths; the second half of each is a second segment."""
    draw = np.random.default_rng(seed)
    size, places = sum(lengths), packing.positions(np.array(lengths))
    return packing.Batch(
        input_ids=draw.integers(5, small_encoders.WORDS, size).astype(np.int32),
        token_types=(places >= np.repeat(lengths, lengths) // 2).astype(np.int32),
        position_ids=places,
        lengths=np.array(lengths),
        documents=np.arange(len(lengths)),
        labels=np.zeros(len(lengths), np.int64),
        examples=np.arange(len(lengths)),
    )


def inputs_of(given: packing.Batch, device: torch.device | None = None) -> Any:
    """What a model reads of it, on a CPU or ``device``."""
    return model_inputs.on_device(model_inputs.documents(given), device or torch.device("cpu"))
