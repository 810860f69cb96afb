"""Hidden states of a frozen encoder: computed for each batch, or once into a memory-mapped file.

The encoder stays in eval mode, without dropout, and is no part of the trained model. The layers are those of the recipe
(section 5.3.2), here for every token and not for [CLS] alone.
Shapes: N packed tokens, W width of the states (number of layers times hidden size for concat).
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertfit.batching import model_inputs, packing
from bertfit.batching.packing import BATCH_TOKENS, Batch, lengths
from bertfit.batching.transfer import to_device
from bertfit.config import recipe_semantics
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model import classifier_head
from bertfit.model.packed_encoder import PackedEncoder
from bertfit.runtime import resume_state
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices

log = logging.getLogger(__name__)

CACHED_FIELDS = ("truncation", "max_length", "head_tokens", "layers", "combine")  # of a recipe, what states depend on
PREFIX = "features-"
COST = "cost.json"


class Frozen:
    """An encoder without gradients: tokens of a batch -> states of the recipe's layers."""

    def __init__(self, encoder: PackedEncoder, recipe: Finetune, device: torch.device) -> None:
        self.encoder = encoder.to(device).eval().requires_grad_(False)  # type: ignore[arg-type]
        self.layers = recipe_semantics.layer_numbers(recipe.layers, encoder.config.num_hidden_layers)
        self.combine = recipe.combine
        self.width = encoder.config.hidden_size * (len(self.layers) if recipe.combine == "concat" else 1)
        self.device = device
        self.kind = torch.bfloat16 if device.type == "cuda" else torch.float32

    def __call__(self, batch: Batch) -> Tensor:
        """(N, W) of ``kind``: the layers concatenated from the lowest, or their mean or maximum."""
        with torch.inference_mode(), devices.precision(self.device):
            inputs = model_inputs.on_device(model_inputs.documents(batch), self.device)
            rows = torch.arange(batch.tokens, device=self.device)
            layers = self.encoder.states(inputs, rows, self.layers)
            states = classifier_head.combined(layers, self.combine).to(self.kind)
        return states.clone()  # outside the inference mode, since autograd may save it for the backward pass


# ---------------------------------------------------------------------------------------------- cached in a file


class Cache:
    """States of a corpus in a memory-mapped file, document after document, without padding."""

    def __init__(self, path: Path, frozen: Frozen, corpus: Tokens, recipe: Finetune) -> None:
        self._ends = np.cumsum(lengths(corpus, recipe))
        self._rows = np.memmap(path, _numpy(frozen.kind), "r", shape=(int(self._ends[-1]), frozen.width))
        self._kind, self._device = frozen.kind, frozen.device

    def __call__(self, batch: Batch) -> Tensor:
        """(N, W): what `Frozen` gives for this batch, up to rounding."""
        ends = self._ends[batch.examples[batch.documents]]
        rows = [self._rows[end - length : end] for end, length in zip(ends, batch.lengths, strict=True)]
        return to_device(np.concatenate(rows), self._device).view(self._kind)


def cache_folder(state: Path, frozen: Frozen, recipe: Finetune, inputs: dict[str, Path]) -> Path:
    """Where the states are cached below ``state``; its name holds a digest of all that they depend on.

    These are the files ``inputs``, the recipe's view of the tokens, number format, device and version of torch.
    """
    view = recipe.model_dump(include=set(CACHED_FIELDS))
    key = resume_state.key(view, str(frozen.kind), str(frozen.device), torch.__version__, inputs=inputs)[:16]
    return state / f"{PREFIX}{key}"


def compute(frozen: Frozen, corpora: dict[str, Tokens], recipe: Finetune, folder: Path) -> None:
    """Write ``folder``, with a file of states for each corpus and `COST`, unless it is there.

    The folder gets its name when it is complete. Caches with other keys, and those that a killed job left incomplete,
    are removed. Raises `UserError` where the disk is full.
    """
    for other in folder.parent.glob(f"*{PREFIX}*"):
        if other != folder:
            files.remove(other)
    if folder.is_dir():
        log.info("states of the frozen encoder were computed before: %s", folder)
        return
    start, tokens = time.monotonic(), 0
    cost: dict[str, Any] = {}
    try:
        with files.atomic(folder) as temporary, devices.measuring_energy(frozen.device) as meter:
            temporary.mkdir()
            for name, corpus in corpora.items():
                began = time.monotonic()
                tokens += _write(temporary / name, frozen, corpus, recipe)
                cost[f"{name}_seconds"] = time.monotonic() - began
            cost |= {"tokens": tokens, "seconds": time.monotonic() - start, "energy": meter.read().model_dump()}
            files.write_json(temporary / COST, cost)
    except (OSError, UserError) as error:  # of the system, or as `files` words it
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise UserError(
            f"{folder}: the states of the frozen encoder cannot be written ({cause.strerror}); free some space, or "
            "lower `cache_mb` of the study: they are then computed for each batch"
        ) from error
    log.info("states of %d tokens computed in %.0f s", tokens, time.monotonic() - start)


def _write(path: Path, frozen: Frozen, corpus: Tokens, recipe: Finetune) -> int:
    """Write the states of a corpus in batches of similar length; returns its number of tokens."""
    sizes = lengths(corpus, recipe)
    ends = np.cumsum(sizes)
    with open(path, "wb") as file:
        for examples in packing.by_length(sizes, BATCH_TOKENS[frozen.device.type]):
            batch = packing.collate(corpus, examples, recipe)
            rows = frozen(batch).cpu().view(_torch(frozen.kind)).numpy()
            for document, start, length in zip(batch.documents, batch.starts, batch.lengths, strict=True):
                end = ends[examples[document]]
                file.seek(int(end - length) * rows.strides[0])
                file.write(rows[start : start + length].data)
        file.flush()
        os.fsync(file.fileno())
    return int(ends[-1])


def _torch(kind: torch.dtype) -> torch.dtype:
    """NumPy has no bfloat16: the bits are stored as int16."""
    return torch.int16 if kind == torch.bfloat16 else kind


def _numpy(kind: torch.dtype) -> type[np.generic]:
    return np.int16 if kind == torch.bfloat16 else np.float32
