"""Texts in which a language model has replaced words, for replaced-token detection (Clark et al. 2020, ELECTRA).

The generator is fixed: it fills masked words by drawing from its probabilities, and is not trained along. Of each token
that is not special the detector says whether it is another one than before. Shapes: N packed tokens, M masked words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from bertfit.batching.dynamic_masking import Masking
from bertfit.batching.model_inputs import instances, on_device
from bertfit.batching.packing import MaskedBatch
from bertfit.model.packed_encoder import PretrainingModel

_STREAM = 0x525444  # apart from the draws of masks, which have the same key


@dataclass(frozen=True)
class WordReplacement:
    """Replaces words by those that ``generator`` draws, where ``masking`` masks them."""

    generator: PretrainingModel
    masking: Masking

    def replaced(self, batch: MaskedBatch, *key: int) -> MaskedBatch:
        """The batch with other words, a function of ``key`` and the batch.

        Its ``masked`` are the places of all tokens that are not special, its ``targets`` 1 where a token was replaced.
        """
        hidden = self.masking.masked(batch, *key)
        places = np.flatnonzero(~np.isin(batch.input_ids, self.masking.special))
        ids = batch.input_ids.copy()
        if len(hidden.masked):
            ids[hidden.masked] = self._drawn(hidden, key)
        changed = (ids != batch.input_ids)[places]
        return replace(batch, input_ids=ids, masked=places, targets=changed.astype(np.int64))

    def _drawn(self, batch: MaskedBatch, key: tuple[int, ...]) -> np.ndarray:
        """(M,) a draw for each masked word: the largest of the logits with Gumbel noise."""
        encoder = self.generator.encoder
        with torch.inference_mode():
            inputs = on_device(instances(batch), encoder.device)
            logits = self.generator.words(encoder.last_states(inputs)[-len(batch.masked) :]).float().cpu().numpy()
        draw = np.random.Generator(np.random.SFC64(np.random.SeedSequence([_STREAM, *key])))
        return (logits + draw.gumbel(size=logits.shape)).argmax(1)
