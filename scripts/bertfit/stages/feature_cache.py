"""States of a frozen encoder: computed from packed batches, or read from a memory-mapped file of them.

Such an encoder is only read: it stays in eval mode, without dropout, and is no part of a trained model. The layers
whose states are wanted are those of the recipe (section 5.3.2), here for every token and not for [CLS] alone.
Shapes: N packed tokens, W width of the states (for concat the layers' number times the hidden size).
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bertfit.batching import packing
from bertfit.batching.packing import BATCH_TOKENS, Batch, lengths
from bertfit.batching.transfer import to_device
from bertfit.config import recipe_semantics
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model import packed_bert
from bertfit.runtime import resume_state
from bertfit.tokens.token_file import Tokens
from bertfit.training import device

if TYPE_CHECKING:  # costs seconds: left to the functions that need it
    from transformers import BertModel

log = logging.getLogger(__name__)

CACHED_FIELDS = ("truncation", "max_length", "head_tokens", "layers", "combine")  # of a recipe, what states depend on


class Frozen:
    """An encoder that is only read: tokens of a batch -> states of the recipe's layers."""

    def __init__(self, encoder: BertModel, recipe: Finetune, where: torch.device) -> None:
        self.encoder = encoder.to(where).eval().requires_grad_(False)  # type: ignore[arg-type]
        self.layers = recipe_semantics.layer_numbers(recipe.layers, encoder.config.num_hidden_layers)
        self.combine = recipe.combine
        self.width = encoder.config.hidden_size * (len(self.layers) if recipe.combine == "concat" else 1)
        self.where = where
        self.kind = torch.bfloat16 if where.type == "cuda" else torch.float32

    def __call__(self, batch: Batch) -> Tensor:
        """(N, W) of ``kind``: layers side by side from the lowest, or their mean or maximum."""
        with torch.inference_mode(), device.precision(self.where):
            rows = torch.arange(batch.tokens, device=self.where)
            found = packed_bert.states(self.encoder, batch, rows, self.layers)
            made = packed_bert.combined(found, self.combine).to(self.kind)
        return made.clone()  # made outside the inference mode: a gradient may need it


# ---------------------------------------------------------------------------------------------- kept in a file


class Cache:
    """States of a corpus in a memory-mapped file, document after document, without padding."""

    def __init__(self, path: Path, frozen: Frozen, corpus: Tokens, recipe: Finetune) -> None:
        self._ends = np.cumsum(lengths(corpus, recipe))
        self._rows = np.memmap(path, _numpy(frozen.kind), "r", shape=(int(self._ends[-1]), frozen.width))
        self._kind, self._where = frozen.kind, frozen.where

    def __call__(self, batch: Batch) -> Tensor:
        """(N, W): what `Frozen` gives for this batch, up to rounding."""
        ends = self._ends[batch.examples[batch.documents]]
        rows = [self._rows[end - length : end] for end, length in zip(ends, batch.lengths, strict=True)]
        return to_device(np.concatenate(rows), self._where).view(self._kind)


def cache_key(frozen: Frozen, recipe: Finetune, inputs: dict[str, Path]) -> str:
    """What the content of a cache depends on: encoder, tokens, the recipe's view on them, number format, device."""
    cut = recipe.model_dump(include=set(CACHED_FIELDS))
    return resume_state.key(cut, str(frozen.kind), str(frozen.where), torch.__version__, inputs=inputs)[:16]


def cached(frozen: Frozen, corpora: dict[str, Tokens], recipe: Finetune, state: Path, key: str) -> Path:
    """A folder below ``state`` with a file of states per corpus and ``cost.json``; made unless it is there.

    It gets its name, which holds ``key``, when it is whole. Others, and what a kill left half-written, are removed.
    Raises `UserError` where the disk has no room.
    """
    folder = state / f"features-{key}"
    for other in state.glob("*features-*"):
        if other != folder:
            files.remove(other)
    if folder.is_dir():
        log.info("states of the frozen encoder are there: %s", folder)
        return folder
    began, count = time.monotonic(), 0
    try:
        with files.atomic(folder) as temporary:
            temporary.mkdir()
            for name, corpus in corpora.items():
                count += _write(temporary / name, frozen, corpus, recipe)
            files.write_json(temporary / "cost.json", {"tokens": count, "seconds": time.monotonic() - began})
    except (OSError, UserError) as error:  # of the system, or as `files` words it
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise UserError(
            f"{folder}: the states of the frozen encoder cannot be written ({cause.strerror}); free some space, or "
            "lower `cache_mb` of the study: they are then computed for each batch"
        ) from error
    log.info("states of %d tokens computed in %.0f s", count, time.monotonic() - began)
    return folder


def _write(path: Path, frozen: Frozen, corpus: Tokens, recipe: Finetune) -> int:
    """Write the states of a corpus in batches of near length; returns its tokens."""
    sizes = lengths(corpus, recipe)
    ends = np.cumsum(sizes)
    with open(path, "wb") as file:
        for examples in packing.by_length(sizes, BATCH_TOKENS[frozen.where.type]):
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
    """NumPy has no bfloat16: its bits travel as int16."""
    return torch.int16 if kind == torch.bfloat16 else kind


def _numpy(kind: torch.dtype) -> type[np.generic]:
    return np.int16 if kind == torch.bfloat16 else np.float32
