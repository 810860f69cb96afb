"""Which examples make up the batch of a step, packed without padding: pure functions of (seed, step).

Nothing is drawn from a running generator, so a job that goes on after a kill needs no position to be restored.
Shapes: N packed tokens of a batch, P pieces (one a document, or its fractions), B documents, M masked words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bertfit.errors import UserError
from bertfit.spec import Finetune
from bertfit.truncation import truncate

if TYPE_CHECKING:
    from bertfit.instances import Instances
    from bertfit.tokens import Tokens

Array = npt.NDArray[np.integer]
ORDER, SUBSET, VALIDATION = range(3)  # independent streams of one seed
BATCH_TOKENS = {"cpu": 4096, "cuda": 65536}  # of a batch without gradients; a CPU likes its cache


@dataclass(frozen=True)
class Row:
    """Sequences laid end to end, the shortest first so that attention finds near lengths side by side."""

    input_ids: Array
    """(N,) int32"""
    token_types: Array
    """(N,) int32: 0 in the first segment, 1 in the second"""
    position_ids: Array
    """(N,) int32, from 0 in each sequence"""
    lengths: Array
    """(P,) tokens of each sequence, ascending"""
    share: float = field(default=1.0, kw_only=True)
    """of the documents of the whole batch; see `parts`"""

    @property
    def tokens(self) -> int:
        """N."""
        return len(self.input_ids)

    @property
    def starts(self) -> Array:
        """(P,) where each sequence, that is its [CLS], lies in the row."""
        return np.cumsum(self.lengths) - self.lengths


@dataclass(frozen=True)
class Batch(Row):
    """Documents, each one piece or several fractions."""

    documents: Array
    """(P,) which document of the batch a piece belongs to"""
    labels: Array
    """(B,) int64"""
    examples: Array
    """(B,) rows of the corpus"""


@dataclass(frozen=True)
class MaskedBatch(Row):
    """Pre-training instances; P = B."""

    masked: Array
    """(M,) int64: masked positions in the row"""
    targets: Array
    """(M,) int64: the words that stood there"""
    random_next: Array
    """(B,) int64: 1 where segment B is from elsewhere"""
    masked_share: float = field(default=1.0, kw_only=True)
    """of the masked words of the whole batch"""


def collate(corpus: Tokens, examples: Sequence[int] | Array, recipe: Finetune) -> Batch:
    """Truncate and pack ``examples``, the rows of ``corpus`` in the order of the batch's documents."""
    pieces = []
    documents = []
    for document, example in enumerate(examples):
        found = truncate(corpus.ids(example), corpus.pair(example), recipe, corpus.cls, corpus.sep)
        pieces += found
        documents += [document] * len(found)
    lengths = np.array([len(ids) for ids, _ in pieces])
    ascending = np.argsort(lengths, kind="stable")
    pieces = [pieces[i] for i in ascending]
    rows = np.asarray(examples, dtype=np.int64)
    return Batch(
        input_ids=np.concatenate([ids for ids, _ in pieces]).astype(np.int32),
        token_types=np.concatenate([types for _, types in pieces]).astype(np.int32),
        position_ids=positions(lengths[ascending]),
        lengths=lengths[ascending],
        documents=np.array(documents)[ascending],
        labels=np.asarray(corpus.labels)[rows].astype(np.int64),
        examples=rows,
    )


def lengths(corpus: Tokens, recipe: Finetune) -> npt.NDArray[np.int64]:
    """(documents,) tokens of each document as `collate` packs it, the special ones and all its fractions included."""
    texts = np.diff(corpus.offsets).astype(np.int64)
    if corpus.pair_offsets is not None:
        return np.minimum(texts + np.diff(corpus.pair_offsets) + 3, recipe.max_length)
    if not recipe.truncation.startswith("hier-"):
        return np.minimum(texts + 2, recipe.max_length)
    body = recipe.max_length - 2
    pieces = np.clip(-(-texts // body), 1, recipe.fractions)
    return np.minimum(texts, pieces * body) + 2 * pieces


def positions(lengths: Array) -> Array:
    """(N,) int32: 0, 1, ... in each of the pieces of these lengths."""
    starts = np.cumsum(lengths) - lengths
    return (np.arange(lengths.sum()) - np.repeat(starts, lengths)).astype(np.int32)


def generator(seed: int, stream: int, index: int = 0) -> np.random.Generator:
    """A generator that is a function of its key alone; streams and indices do not overlap."""
    return np.random.Generator(np.random.Philox(key=[seed, (stream << 32) | index]))


@lru_cache(maxsize=2)
def permutation(seed: int, epoch: int, size: int) -> Array:
    """The order of ``size`` examples in an epoch (or pass)."""
    return generator(seed, ORDER, epoch).permutation(size)


@dataclass(frozen=True)
class Plan:
    """Which rows a run trains on, in which order and for how many steps.

    As in the official code, the partial last batch of an epoch is kept while the length of the schedule is
    ``int(examples / batch * epochs)`` (run_classifier_single_layer.py:827): IMDb takes 4168 steps, scheduled for 4166.
    """

    rows: Array = field(repr=False)
    """rows of the training set, ascending"""
    batch_size: int
    epochs: float
    seed: int
    limit: int | None = None
    """steps instead of epochs"""
    minimum: int = 0
    """of the steps and of the schedule"""

    @property
    def steps_per_epoch(self) -> int:
        """Batches that cover the rows once."""
        return math.ceil(len(self.rows) / self.batch_size)

    @property
    def steps(self) -> int:
        """Updates of the whole run; a fraction of an epoch counts in batches, rounded up."""
        whole, part = divmod(self.epochs, 1)
        wanted = self.limit or int(whole) * self.steps_per_epoch + math.ceil(part * self.steps_per_epoch)
        return max(wanted, self.minimum)

    @property
    def schedule(self) -> int:
        """``t_total`` of the learning-rate schedule."""
        return max(1, self.limit or int(len(self.rows) / self.batch_size * self.epochs), self.minimum)

    def examples(self, step: int) -> Array:
        """Rows of the batch of ``step`` (from 0)."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        order = permutation(self.seed, epoch, len(self.rows))
        return self.rows[order[batch * self.batch_size : (batch + 1) * self.batch_size]]


def plan(labels: Array, recipe: Finetune, seed: int) -> tuple[Plan, Array]:
    """The run's plan and the rows held out for validation (none if ``recipe.validation`` is 0).

    ``recipe.fraction``, or instead of it ``recipe.examples``, keeps a prefix of a seeded, stratified order that begins
    with one example of each class: smaller sets are nested in larger ones, and as balanced as the corpus. Validation
    rows are drawn from what was kept, never a class's only or last one. Raises `UserError` for more examples than there
    are, fewer than there are classes, and where nothing would be left.
    """
    size = round(recipe.fraction * len(labels)) if recipe.examples is None else recipe.examples
    asked = f"fraction={recipe.fraction}" if recipe.examples is None else f"examples={recipe.examples}"
    if size > len(labels):
        raise UserError(f"recipe: {asked}, but the training set has {len(labels)}; ask for no more")
    order = stratified(labels, seed, SUBSET)
    firsts = _firsts(labels[order])
    places = np.concatenate([firsts, np.setdiff1d(np.arange(len(labels)), firsts)])[:size]
    kept = order[np.sort(places)]  # in the order of all: the draw of the validation rows does not see what is moved up
    draw = stratified(labels[kept], seed, VALIDATION)
    lasts = len(draw) - 1 - _firsts(labels[kept][draw][::-1])
    held_out = kept[np.delete(draw, lasts)[: round(recipe.validation * size)]]
    rows = np.setdiff1d(kept, held_out)
    if len(held_out) != round(recipe.validation * size) or not len(rows) or (recipe.validation and not len(held_out)):
        raise UserError(
            f"recipe: of {len(labels)} training examples, {asked} and validation={recipe.validation} leave "
            f"{len(rows)} to train on and {len(held_out)} to validate on (each class keeps one to train on); "
            f"raise {asked.partition('=')[0]}"
        )
    if size < len(firsts):
        raise UserError(
            f"recipe: {asked} keeps {size} training examples, too few for one of each of the {len(firsts)} classes; "
            f"{len(firsts)} are needed"
        )
    return (
        Plan(rows, recipe.batch_size, recipe.epochs, seed, recipe.steps, recipe.minimum_steps),
        np.sort(held_out),
    )


def _firsts(labels: Array) -> Array:
    """Where each class comes first, ascending."""
    return np.sort(np.unique(labels, return_index=True)[1])


def stratified(labels: Array, seed: int, stream: int) -> Array:
    """A seeded order of all rows of which every prefix has the classes in their proportions, to within one example."""
    draw = generator(seed, stream)
    shuffled = draw.permutation(len(labels))
    _, classes, sizes = np.unique(labels[shuffled], return_inverse=True, return_counts=True)
    by_class = np.argsort(classes, kind="stable")
    rank = np.empty(len(labels))
    rank[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    quantile = (rank + draw.random(len(sizes))[classes]) / sizes[classes]
    return shuffled[np.argsort(quantile, kind="stable")]


def by_length(lengths: Array, budget: int) -> list[Array]:
    """Indices in batches of near length and at most ``budget`` tokens each (at least one index), the shortest first."""
    ascending = np.argsort(lengths, kind="stable")
    batches: list[list[int]] = [[]]
    filled = 0
    for i in ascending:
        if batches[-1] and filled + lengths[i] > budget:
            batches.append([])
            filled = 0
        batches[-1].append(i)
        filled += int(lengths[i])
    return [np.array(batch, dtype=np.int64) for batch in batches]


def collate_masked(instances: Instances, numbers: Sequence[int] | Array) -> MaskedBatch:
    """Pack the instances with these numbers."""
    found = sorted((instances.get(int(number)) for number in numbers), key=lambda each: len(each.ids))
    lengths = np.array([len(each.ids) for each in found])
    starts = np.cumsum(lengths) - lengths
    places = positions(lengths)
    first = np.repeat([each.a_length for each in found], lengths)
    return MaskedBatch(
        input_ids=np.concatenate([each.ids for each in found]).astype(np.int32),
        token_types=(places >= first).astype(np.int32),
        position_ids=places,
        lengths=lengths,
        masked=np.concatenate([start + each.positions for start, each in zip(starts, found, strict=True)]),
        targets=np.concatenate([each.labels for each in found]).astype(np.int64),
        random_next=np.array([each.random_next for each in found], dtype=np.int64),
    )


def stream(size: int, batch_size: int, seed: int, step: int) -> Array:
    """Numbers of the batch of ``step`` in endless passes over ``size`` instances, each pass in a seeded order.

    Batches run across the borders of passes, as after ``repeat`` and ``batch`` in the official input pipeline.
    """
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    return np.array([permutation(seed, int(place // size), size)[place % size] for place in places])
