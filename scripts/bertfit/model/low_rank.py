"""Low-rank adaptation (LoRA, Hu et al. 2022) of an encoder's layers, by peft.

Each linear map of the layers gets the product of two matrices of rank r beside it; these and the head are trained, and
the encoder's own weights stay. Merged, the encoder is a plain one again, with the modules that it had.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bertfit.model.packed_encoder import PackedEncoder


def adapt(encoder: PackedEncoder, *, rank: int, alpha: float, seed: int) -> None:
    """Add adapters whose weights are drawn from ``seed``, scaled by ``alpha / rank``; freeze all other weights.

    Adapters begin as zero: the encoder computes what it did.
    """
    from peft import LoraConfig, inject_adapter_in_model

    targets = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear) and isinstance(encoder.part_of(f"{name}.weight"), int)
    ]
    encoder.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets)  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, encoder)


def merge(encoder: PackedEncoder) -> None:
    """Add the adapters to the weights that they are beside, and remove them."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(encoder.named_modules()):
        if isinstance(module, LoraLayer):
            adapter: Any = module
            adapter.merge()
            parent, _, child = name.rpartition(".")
            setattr(encoder.get_submodule(parent), child, adapter.get_base_layer())
