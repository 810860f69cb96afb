"""Truncation strategies as views on word-piece ids: head, tail, head+tail, fractions of long texts, pairs.

Section 5.3.1 of the paper; run_classifier_single_layer.py (single texts) and run_classifier.py (pairs) of the official
code. Lengths are in word pieces; a text is cut only if it does not fit together with its special tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import is_hierarchical

Ids = npt.NDArray[np.integer]


class Segment(NamedTuple):
    """One input sequence of the encoder.

    ``ids`` (T,): [CLS] text [SEP], or [CLS] text [SEP] pair [SEP], in the dtype of the text's ids.
    ``types`` (T,) uint8: 0 up to and including the [SEP] before the pair, 1 after it.
    """

    ids: Ids
    types: npt.NDArray[np.uint8]


def truncate(ids: Ids, pair: Ids | None, recipe: Finetune, cls: int, sep: int, separators: int = 1) -> list[Segment]:
    """The sequences of at most ``recipe.max_length`` word pieces that represent one example.

    A single text gives one sequence, or with ``hier-*`` its first ``recipe.fractions`` fractions of
    ``max_length - 2`` pieces (at least one, even if the text is empty). A pair, with ``separators`` [SEP] between its
    texts, gives one sequence whatever the truncation; where its second segment is empty it is a single text, as in the
    official code (``if tokens_b``).
    """
    if pair is not None and len(pair):
        return [_paired(*cut_pair(ids, pair, recipe.max_length - 2 - separators), cls, sep, separators)]
    body = recipe.max_length - 2
    if is_hierarchical(recipe.truncation):
        count = min(max(1, -(-len(ids) // body)), recipe.fractions)
        return [_single([ids[body * number : body * (number + 1)]], cls, sep) for number in range(count)]
    head = {"head": body, "tail": 0, "head+tail": recipe.head_tokens}[recipe.truncation]
    if len(ids) <= body:
        return [_single([ids], cls, sep)]
    return [_single([ids[:head], ids[len(ids) - (body - head) :]], cls, sep)]


def cut_pair(first: Ids, second: Ids, room: int) -> tuple[Ids, Ids]:
    """Shorten a pair to ``room`` pieces from its ends, always the longer segment (the second when equal).

    Same result as removing piece by piece (``_truncate_seq_pair``): each segment keeps the room that the other leaves,
    but at least half of it.
    """
    return (
        first[: max(room - len(second), (room + 1) // 2)],
        second[: max(room - len(first), room // 2)],
    )


def _single(parts: list[Ids], cls: int, sep: int) -> Segment:
    size = sum(map(len, parts)) + 2
    ids = np.empty(size, parts[0].dtype)
    ids[0] = cls
    ids[-1] = sep
    np.concatenate(parts, out=ids[1:-1])
    return Segment(ids, np.zeros(size, np.uint8))


def _paired(first: Ids, second: Ids, cls: int, sep: int, separators: int) -> Segment:
    border = len(first) + 1 + separators
    ids = np.empty(border + len(second) + 1, first.dtype)
    ids[0] = cls
    ids[1 : len(first) + 1] = first
    ids[len(first) + 1 : border] = sep
    ids[border:-1] = second
    ids[-1] = sep
    types = np.zeros(len(ids), np.uint8)
    types[border:] = 1
    return Segment(ids, types)
