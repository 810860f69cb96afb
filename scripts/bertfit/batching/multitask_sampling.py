"""The corpus and rows of each batch of multi-task fine-tuning, as functions of (seed, step).

run_classifier_multitask.py:651 of the official code shuffles a list with one entry per full batch of each corpus in
every epoch: the order ``official``, where each batch is the first one of a new permutation of its corpus, so that rows
are drawn without replacement within a batch and with replacement across batches. In the order ``epochs`` the batches of
a corpus are those of successive passes over it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from bertfit.batching import example_order
from bertfit.batching.example_order import Array
from bertfit.config.hyperparameters import Finetune, Multitask
from bertfit.config.recipe_semantics import schedule_steps, training_steps
from bertfit.core.errors import UserError

ARRANGE, DRAW = 16, 17  # streams of one seed, beside those of `packing`


class Mixture:
    """Batches from several corpora, each from a single one."""

    def __init__(self, rows: Mapping[str, Array], multitask: Multitask, recipe: Finetune) -> None:
        """``rows``: corpus -> its training rows. Raises `UserError` if an epoch has no batch of some corpus."""
        self.names, self.rows = list(rows), list(rows.values())
        self.batch_size, self.seed, self.official = recipe.batch_size, multitask.seed, multitask.order == "official"
        sizes = [len(rows_of_corpus) for rows_of_corpus in self.rows]
        self.counts = counts(sizes, multitask, recipe.batch_size)
        """Batches of each corpus in an epoch."""
        for name, size, count in zip(self.names, sizes, self.counts, strict=True):
            if not count or (self.official and size < self.batch_size):
                raise UserError(
                    f"multitask: an epoch has no batch of {name}; lower `batch_size`, or take sampling: proportional "
                    "and order: epochs"
                )
        self.steps_per_epoch = sum(self.counts)
        self.steps = training_steps(recipe.epochs, self.steps_per_epoch, recipe.steps, recipe.minimum_steps)
        """Updates, as in `example_order.ExamplePlan`."""
        self.schedule = schedule_steps(sum(sizes), recipe.batch_size, recipe.epochs, recipe.steps, recipe.minimum_steps)
        """``t_total`` of the learning-rate schedule, as in `example_order.ExamplePlan`."""
        self._orders: dict[int, tuple[int, Array]] = {}  # corpus -> a pass and its order

    def examples(self, step: int) -> tuple[int, Array]:
        """Number of the corpus and its rows (batch size,) in the batch of ``step`` (from 0)."""
        epoch, place = divmod(step, self.steps_per_epoch)
        corpora, numbers = arrangement(self.seed, epoch, tuple(self.counts))
        corpus = int(corpora[place])
        rows = self.rows[corpus]
        if self.official:
            draw = example_order.generator(self.seed, DRAW, step)
            return corpus, rows[draw.choice(len(rows), self.batch_size, replace=False)]
        number = epoch * self.counts[corpus] + int(numbers[place])
        turn, number = divmod(number, math.ceil(len(rows) / self.batch_size))
        if self._orders.get(corpus, (-1,))[0] != turn:
            self._orders[corpus] = (turn, example_order.permutation(self.seed, turn, len(rows)))
        order = self._orders[corpus][1]
        return corpus, rows[order[number * self.batch_size : (number + 1) * self.batch_size]]

    def describe(self) -> str:
        """Examples and batches of each corpus, for a log line."""
        parts = [
            f"{name} {len(rows)} examples, {count} batches an epoch"
            for name, rows, count in zip(self.names, self.rows, self.counts, strict=True)
        ]
        return "; ".join(parts)


def counts(sizes: Sequence[int], multitask: Multitask, batch_size: int) -> list[int]:
    """Batches of each corpus in an epoch, whose total covers all corpora once.

    ``proportional``: as many as cover the corpus, the last one possibly smaller; only full ones in the order
    ``official``. Other samplings: the corpus's share of the total, to within one batch.
    """
    whole = [size // batch_size if multitask.order == "official" else math.ceil(size / batch_size) for size in sizes]
    if multitask.sampling == "proportional":
        return whole
    power = 0.0 if multitask.sampling == "equal" else 1 / multitask.temperature
    weights = [(size / max(sizes)) ** power for size in sizes]  # of the largest, so that no power overflows
    quotas = [sum(whole) * weight / sum(weights) for weight in weights]
    rounded = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (rounded[i] - quotas[i], i))  # the largest first
    for i in by_remainder[: sum(whole) - sum(rounded)]:
        rounded[i] += 1
    return rounded


@lru_cache(maxsize=2)
def arrangement(seed: int, epoch: int, counts: tuple[int, ...]) -> tuple[Array, Array]:
    """For each batch of an epoch, shuffled: its corpus, and its number among the batches of that corpus."""
    corpora = np.repeat(np.arange(len(counts)), counts)
    corpora = corpora[example_order.generator(seed, ARRANGE, epoch).permutation(len(corpora))]
    numbers = np.empty_like(corpora)
    for corpus, count in enumerate(counts):
        numbers[corpora == corpus] = np.arange(count)
    return corpora, numbers
