"""The random draws of the official pre-training data: positions of each instance's segments and masked tokens.

create_pretraining_data.py of the official code builds lists of token strings with one `random.Random`. The same draws
need only the lengths of the lines, not the word pieces themselves.
"""

from __future__ import annotations

import mmap
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bertfit.config.hyperparameters import Pretrain
from bertfit.tokens.pretraining_text import Documents

MASK, KEEP = -1, -2  # actions on a drawn token; from 0 on: the vocabulary entry that replaces it
_IN_MEMORY = 2**20  # masked tokens drawn before they are moved to disk
_BLOCK = 2**13  # numbers read at a time


class Spill:
    """A growing array of integers, parts of which are moved to an unnamed temporary file."""

    def __init__(self, kind: str, folder: Path) -> None:
        """``kind``: a type code of `array`; ``folder``: where the file is created."""
        self.values: array[int] = array(kind)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (open as long as the object lives)

    def save(self) -> None:
        """Move the numbers from memory to the file."""
        self.values.tofile(self._file)
        del self.values[:]

    @cached_property
    def _pages(self) -> mmap.mmap:
        self.save()
        self._file.flush()
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """The numbers at ``indices``; no number may be added afterwards.

        Access is random and the kernel maps 64 KiB around each requested page, so pages are released after every
        `_BLOCK` numbers; they stay in the disk cache.
        """
        numbers = np.frombuffer(self._pages, self.values.typecode)
        values = np.empty(len(indices), numbers.dtype)
        for start in range(0, len(indices), _BLOCK):
            values[start : start + _BLOCK] = numbers[indices[start : start + _BLOCK]]
            self._pages.madvise(mmap.MADV_DONTNEED)
        return values


class DrawPlan(NamedTuple):
    """All instances in the order of their creation."""

    places: Spill
    """Seven numbers per instance, named by `PLACE`."""
    candidates: Spill
    """Masked tokens in the order of the draws: positions within A followed by B."""
    actions: Spill
    """Their actions: MASK, KEEP or the number of the replacing vocabulary entry."""
    order: array[int]
    """The final, shuffled order: numbers of instances."""


PLACE = ("a_start", "a_length", "b_start", "b_length", "random_next", "first_masked", "masked")


def draw(texts: Documents, entries: int, pretrain: Pretrain, folder: Path) -> DrawPlan:
    """All draws for ``texts`` and a vocabulary of ``entries`` entries, in temporary files in ``folder``.

    Memory: 8 bytes per document and 4 per instance.
    """
    rng = Random(pretrain.data_seed)
    plan = DrawPlan(Spill("q", folder), Spill("h", folder), Spill("i", folder), array("i"))
    places, candidates, actions = plan.places.values, plan.candidates.values, plan.actions.values
    bits, random = rng.getrandbits, rng.random
    lengths = range(pretrain.max_length - 2)
    counts = [
        min(pretrain.max_predictions, max(1, round((length + 3) * pretrain.masked_share)), length) for length in lengths
    ]
    swaps = [[(top, (top + 1).bit_length()) for top in range(length - 1, 0, -1)] for length in lengths]
    instances = masked = 0
    for a_start, a_length, b_start, b_length, random_next in _pairs(texts, pretrain, rng):
        length = a_length + b_length
        count = counts[length]
        places.extend((a_start, a_length, b_start, b_length, random_next, masked, count))
        shuffled = list(range(length))
        for top, width in swaps[length]:  # random.shuffle, inlined: half of the time is spent here
            place = bits(width)
            while place > top:
                place = bits(width)
            shuffled[place], shuffled[top] = shuffled[top], shuffled[place]
        candidates.extend(shuffled[:count])
        for _ in range(count):
            if random() < 0.8:
                actions.append(MASK)
            elif random() < 0.5:
                actions.append(KEEP)
            else:
                actions.append(_below(bits, entries))
        instances += 1
        masked += count
        if len(actions) > _IN_MEMORY:
            for spill in plan[:3]:
                spill.save()
    plan.order.extend(range(instances))
    rng.shuffle(plan.order)
    return plan


def _pairs(texts: Documents, pretrain: Pretrain, rng: Random) -> Iterator[tuple[int, int, int, int, bool]]:
    """For each instance: start and length of A and of B among all pieces, and whether B is a random next segment.

    The caller draws an instance's masks while this generator is suspended at its ``yield``.
    """
    _, lines, starts = texts
    bits, random = rng.getrandbits, rng.random
    count = len(starts) - 1
    room = pretrain.max_length - 3
    order = array("q", range(count))
    rng.shuffle(order)
    for _ in range(pretrain.dupe):
        for number, document in enumerate(order):
            target = room
            if random() < pretrain.short_share:
                target = 2 + _below(bits, room - 1)
            line, end = starts[document], starts[document + 1]
            while line < end:
                # The chunk: lines until the target is reached or the document ends. A is a prefix of its lines.
                a_start = lines[line]
                behind = bisect_left(lines, a_start + target, line + 1, end)
                border = line + 1
                if behind - line > 1:
                    border += _below(bits, behind - line - 1)
                a_length = lines[border] - a_start
                random_next = behind - line == 1 or random() < 0.5
                if random_next:
                    for _ in range(10):
                        other = _below(bits, count)
                        if other != number:
                            break
                    first, last = starts[order[other]], starts[order[other] + 1]
                    first += _below(bits, last - first)
                    b_start = lines[first]
                    b_length = lines[bisect_left(lines, b_start + target - a_length, first + 1, last)] - b_start
                    line = border  # the unused lines of the chunk are used again
                else:
                    b_start = lines[border]
                    b_length = lines[behind] - b_start
                    line = behind
                while a_length + b_length > room:
                    front = random() < 0.5
                    if a_length > b_length:
                        a_start += front
                        a_length -= 1
                    else:
                        b_start += front
                        b_length -= 1
                yield a_start, a_length, b_start, b_length, random_next


def _below(bits: Callable[[int], int], limit: int) -> int:
    """An integer in [0, ``limit``) from the same draws as `random.Random.randrange`."""
    width = limit.bit_length()
    number = bits(width)
    while number >= limit:
        number = bits(width)
    return number
