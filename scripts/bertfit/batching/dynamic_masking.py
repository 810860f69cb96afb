"""Masks words of a batch, others each time: a function of (seed, step), as RoBERTa's dynamic masking.

Of each text a share of the pieces that are not special is to be predicted; 80 % of these are replaced by the mask, 10 %
by a random piece, 10 % stay (Devlin et al. 2019, section 3.1). Shapes: N packed tokens, P texts, M masked pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from bertfit.batching.example_order import Array
from bertfit.batching.packing import MaskedBatch
from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.tokens import special_tokens
from bertfit.tokens.special_tokens import ABSENT, CONTINUES

KEEP, RANDOM = 0.1, 0.2  # a draw below the first keeps the piece, one below the second replaces it by a random one
_STREAM = 0x4D4C4D  # apart from the draws of dropout and order, which have the same seed and step


@dataclass(frozen=True)
class Masking:
    """What is masked, and by which pieces."""

    share: float
    most: int
    """pieces to predict of a text"""
    mask: int
    special: tuple[int, ...]
    """never masked"""
    entries: npt.NDArray[np.int32]
    """what a random piece is drawn from"""
    continues: npt.NDArray[np.bool_] | None = None
    """(vocabulary,) whether a piece continues a word: words are then masked as a whole"""

    def masked(self, batch: MaskedBatch, *key: int) -> MaskedBatch:
        """The batch with masked pieces, a function of ``key`` and the batch.

        Every text has at least one, but for those that have special tokens alone.
        """
        draw = np.random.Generator(np.random.SFC64(np.random.SeedSequence([_STREAM, *key])))
        ids = batch.input_ids
        text = np.repeat(np.arange(len(batch.lengths)), batch.lengths)  # (N,)
        candidates = np.flatnonzero(~np.isin(ids, self.special))
        chosen = self._chosen(ids, text, candidates, draw)
        action, random = draw.random(len(chosen)), self.entries[draw.integers(0, len(self.entries), len(chosen))]
        replaced = np.where(action < KEEP, ids[chosen], np.where(action < RANDOM, random, self.mask))
        masked = ids.copy()
        masked[chosen] = replaced
        return replace(batch, input_ids=masked, masked=chosen, targets=ids[chosen].astype(np.int64))

    def _chosen(self, ids: Array, text: Array, candidates: Array, draw: np.random.Generator) -> Array:
        """(M,) places of the pieces to predict, ascending."""
        starts = np.ones(len(candidates), bool)
        if self.continues is not None:
            follows = np.diff(candidates, prepend=-2) == 1
            starts = ~(self.continues[ids[candidates]] & follows)
        word = np.cumsum(starts) - 1  # of each candidate
        size = np.bincount(word)
        text_of = text[candidates[starts]]  # of each word
        order = np.lexsort((draw.random(len(size)), text_of))
        counts = np.bincount(text[candidates], minlength=int(text[-1]) + 1)
        room = np.clip(np.rint(self.share * counts).astype(np.int64), 1, self.most)
        within = np.cumsum(size[order]) - size[order]
        first = np.r_[True, np.diff(text_of[order]) != 0]
        within -= np.maximum.accumulate(np.where(first, within, 0))  # pieces of the words before it in its text
        taken = np.zeros(len(size), bool)
        taken[order] = first | (within + size[order] <= room[text_of[order]])
        return candidates[taken[word]]


def of_vocabulary(tokenizer: Tokenizer, pretrain: Pretrain) -> Masking:
    """The masking that ``pretrain`` asks for. Raises `UserError` for whole words without word pieces."""
    special = special_tokens.ids(tokenizer)
    entries = tokenizer.get_vocab()
    continues = None
    if pretrain.whole_words:
        inside = [number for piece, number in entries.items() if piece.startswith(CONTINUES)]
        if not inside:
            raise UserError(f"pretrain: whole_words, but no piece of the vocabulary has a {CONTINUES}; leave it out")
        continues = np.zeros(max(entries.values()) + 1, bool)
        continues[inside] = True
    return Masking(
        share=pretrain.masked_share,
        most=pretrain.max_predictions,
        mask=special["mask"],
        special=tuple(id for id in special.values() if id != ABSENT),
        entries=np.sort(np.fromiter(entries.values(), np.int32)),
        continues=continues,
    )
