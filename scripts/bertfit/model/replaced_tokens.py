"""Texts in which a language model has replaced words, for replaced-token detection (Clark et al. 2020, ELECTRA).

The generator fills masked words by drawing from its probabilities; of each token the detector says whether it is
another one than before. Other than in the official code (github:google-research/electra) the generator is fixed and not
trained along, its words are masked as for any masked language modelling (80 % by the mask, 10 % by another word), and
special tokens are not scored. Shapes: N packed tokens, M masked words.
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
        """(M,) a draw for each masked word, in float32 wherever it is called; the sums on the CPU are deterministic."""
        encoder, entries = self.generator.encoder, torch.as_tensor(self.masking.entries)
        with torch.inference_mode(), torch.autocast(encoder.device.type, enabled=False):
            inputs = on_device(instances(batch), encoder.device)
            logits = self.generator.words(encoder.last_states(inputs)[-len(batch.masked) :])
            sums = logits[:, entries.to(logits.device)].softmax(1).cpu().cumsum(1)  # (M, entries of the vocabulary)
        draw = np.random.Generator(np.random.SFC64(np.random.SeedSequence([_STREAM, *key])))
        uniform = torch.from_numpy(draw.random((len(sums), 1), np.float32))
        return entries[torch.searchsorted(sums, uniform * sums[:, -1:], right=True).flatten()].numpy()
