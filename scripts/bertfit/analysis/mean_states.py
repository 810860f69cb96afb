"""One vector for each text: the mean of a frozen encoder's last states. Shapes: R texts, W width of the encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bertfit.batching import packing
from bertfit.batching.packing import BATCH_TOKENS
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.stages.feature_cache import Frozen
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices

LONGEST = 128
"""word pieces that are read of a text, with the special ones: its topic shows in these"""


def device(threads: int) -> torch.device:
    """The device that encodes, with its number of threads set."""
    return devices.prepare(threads)


def encode(tokens: Tokens, encoder: Path, device: torch.device) -> NDArray[np.float32]:
    """(R, W): the mean over the word pieces of each text, the special ones left out, of length 1; zeros without any.

    Texts are encoded once, in packed batches of similar length. Raises `UserError` if the encoder is not complete, or
    has another vocabulary than the tokens.
    """
    model = hf_encoder.load_encoder(encoder)
    if tokens.vocabulary_size > model.config.vocab_size:
        raise UserError(
            f"{encoder}: a vocabulary of {model.config.vocab_size} where the tokens have {tokens.vocabulary_size}; "
            "tokenise with the encoder's vocabulary"
        )
    recipe = Finetune(truncation="head", max_length=min(LONGEST, model.config.max_position_embeddings))
    frozen = Frozen(model, recipe, device)
    vectors = np.zeros((len(tokens), frozen.width), np.float32)
    batches = packing.by_length(packing.lengths(tokens, recipe), BATCH_TOKENS[device.type])
    for examples in batches:
        batch = packing.collate(tokens, examples, recipe)
        piece = ~np.isin(batch.input_ids, (tokens.cls, tokens.sep))
        document = np.repeat(batch.documents, batch.lengths)[piece]
        states = frozen(batch)[torch.from_numpy(piece).to(device)].float().cpu()
        sums = torch.zeros(len(examples), frozen.width).index_add_(0, torch.from_numpy(document), states)
        vectors[examples] = torch.nn.functional.normalize(sums, dim=1).numpy()
    return vectors
