"""The examples of each step's batch, as pure functions of (seed, step).

No generator has a running state, so a job that resumes has no position to restore.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import schedule_steps, training_examples, training_steps, validation_examples
from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.core.label_sets import LabelSets

Array = npt.NDArray[np.integer]
ORDER, SUBSET, VALIDATION = range(3)  # independent streams of one seed


def generator(seed: int, stream: int, index: int = 0) -> np.random.Generator:
    """A random generator that is a function of the arguments; streams and indices do not overlap."""
    return np.random.Generator(np.random.Philox(key=[seed, (stream << 32) | index]))


@lru_cache(maxsize=2)
def permutation(seed: int, epoch: int, size: int) -> Array:
    """(size,) order of the examples in an epoch (or pass)."""
    return generator(seed, ORDER, epoch).permutation(size)


@dataclass(frozen=True)
class ExamplePlan:
    """The training rows of a run, their order and the number of steps (see `recipe_semantics`)."""

    rows: Array = field(repr=False)
    """Rows of the training set, ascending."""
    batch_size: int
    epochs: float
    seed: int
    limit: int | None = None
    """Steps, in place of epochs."""
    minimum: int = 0
    """Lower bound of the steps and of the schedule."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches that cover the rows once."""
        return math.ceil(len(self.rows) / self.batch_size)

    @property
    def steps(self) -> int:
        """Updates of the whole run; a fraction of an epoch is rounded up to whole batches."""
        return training_steps(self.epochs, self.steps_per_epoch, self.limit, self.minimum)

    @property
    def schedule(self) -> int:
        """``t_total`` of the learning-rate schedule."""
        return schedule_steps(len(self.rows), self.batch_size, self.epochs, self.limit, self.minimum)

    def examples(self, step: int) -> Array:
        """Rows of the batch of ``step`` (from 0)."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        order = permutation(self.seed, epoch, len(self.rows))
        return self.rows[order[batch * self.batch_size : (batch + 1) * self.batch_size]]


def plan(labels: Array, recipe: Finetune, seed: int, sets: LabelSets | None = None) -> tuple[ExamplePlan, Array]:
    """The run's plan and the rows held out for validation (none if ``recipe.validation`` is 0).

    ``recipe.fraction`` or ``recipe.examples`` selects a prefix of a seeded, stratified order that begins with one
    example of each class: smaller sets are nested in larger ones, with the class proportions of the corpus. Validation
    rows are drawn from the selection and leave at least one row of each class. With ``sets``, which ``labels`` number,
    rows of several classes are stratified by `label_sets.strata`. Raises `UserError` for more examples than there are,
    for fewer than classes, and where no rows would be left.
    """
    strata = label_sets.strata(labels, sets)
    size = training_examples(len(labels), recipe.fraction, recipe.examples)
    asked = f"fraction={recipe.fraction}" if recipe.examples is None else f"examples={recipe.examples}"
    if size > len(labels):
        raise UserError(f"recipe: {asked}, but the training set has {len(labels)}; ask for no more")
    order = stratified(strata, seed, SUBSET)
    firsts = _firsts(labels[order], sets)
    places = np.concatenate([firsts, np.setdiff1d(np.arange(len(labels)), firsts)])[:size]
    # in the stratified order, so that the draw of validation rows is independent of the rows moved to the front
    selected = order[np.sort(places)]
    draw = stratified(strata[selected], seed, VALIDATION)
    lasts = len(draw) - 1 - _firsts(labels[selected][draw][::-1], sets)
    wanted = validation_examples(size, recipe.validation)
    held_out = selected[np.delete(draw, lasts)[:wanted]]
    rows = np.setdiff1d(selected, held_out)
    if len(held_out) != wanted or not len(rows) or (recipe.validation and not len(held_out)):
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
        ExamplePlan(rows, recipe.batch_size, recipe.epochs, seed, recipe.steps, recipe.minimum_steps),
        np.sort(held_out),
    )


def _firsts(labels: Array, sets: LabelSets | None) -> Array:
    """Index of the first row of each class, ascending; of the rows of several ``sets`` of classes each once."""
    if sets is None:
        return np.sort(np.unique(labels, return_index=True)[1])
    members = label_sets.members(sets, 1 + max((number for each in sets for number in each), default=0))[labels]
    return np.unique(members.argmax(0)[members.any(0)])


def stratified(labels: Array, seed: int, stream: int) -> Array:
    """A seeded order of all rows in which every prefix has the class proportions, to within one example."""
    draw = generator(seed, stream)
    shuffled = draw.permutation(len(labels))
    _, classes, sizes = np.unique(labels[shuffled], return_inverse=True, return_counts=True)
    by_class = np.argsort(classes, kind="stable")
    rank = np.empty(len(labels))
    rank[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    quantile = (rank + draw.random(len(sizes))[classes]) / sizes[classes]
    return shuffled[np.argsort(quantile, kind="stable")]


def stream(size: int, batch_size: int, seed: int, step: int) -> Array:
    """(batch_size,) numbers of the batch of ``step`` in endless passes over ``size`` instances, each in a seeded order.

    Batches may span two passes, as with ``repeat`` before ``batch`` in the official input pipeline.
    """
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    return np.array([permutation(seed, int(place // size), size)[place % size] for place in places])
