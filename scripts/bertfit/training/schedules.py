"""The learning rate as a function of the step: the official schedule and one without its jump.

Source: optimization.py of the official code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import schedule_steps
from bertfit.core.errors import UserError


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up and linear decay, as a factor of the base rate: the official one, or without its jump."""

    total: int
    """``t_total``, in updates."""
    warmup: float
    """As a share of ``total``."""
    reproduce_negative_lr: bool = False
    """Keep the negative factor of updates beyond ``total``."""
    kind: Literal["official", "continuous"] = "official"
    before: int = 0
    """Updates before the first of ``total``, which have a schedule of the same form for themselves."""

    def factor(self, step: int) -> float:
        """The factor of update ``step``, counted from 0, so that the first update of a warm-up changes no weight.

        ``official`` (``warmup_linear``, optimization.py:32) climbs from 0 to 1, jumps down by ``warmup`` at the end of
        the warm-up and falls on to 0. ``continuous`` falls from 1 to 0: transformers' linear schedule with warm-up,
        which counts alike but rounds the warm-up to whole updates.
        """
        if step < self.before:
            return replace(self, total=self.before, before=0).factor(step)
        x = (step - self.before) / self.total
        if x < self.warmup:
            return x / self.warmup
        left = (1 - x) / (1 - self.warmup) if self.kind == "continuous" and self.warmup < 1 else 1 - x
        return left if self.reproduce_negative_lr else max(0.0, left)


def of_recipe(recipe: Finetune, total: int) -> Schedule:
    """The schedule that ``recipe`` asks for, over ``total`` updates."""
    return Schedule(total, recipe.warmup, recipe.reproduce_negative_lr, recipe.schedule)


def check(recipe: Finetune, *, texts: int, steps: int, total: int) -> None:
    """Refuse a run of ``steps`` updates in all of which the rate is 0, so that nothing would be learned.

    ``total`` is the length of its schedule, a function of the number of training ``texts``. In the official schedule a
    run of one step is such a run, and so are all steps of a schedule that a few texts make one step long. Raises
    `UserError`, which says how many texts or steps are needed.
    """
    schedule = of_recipe(recipe, total)
    if any(schedule.factor(step) for step in range(steps)):
        return
    needed = next(most for most in count(total + 1) if any(map(of_recipe(recipe, most).factor, range(most))))
    cure = f"set `minimum_steps` to {needed} or more (a few hundred for so few texts)"
    if recipe.steps is None:
        enough = next(
            size
            for size in count(texts + 1)
            if schedule_steps(size, recipe.batch_size, recipe.epochs, None, recipe.minimum_steps) >= needed
        )
        cure = f"give {enough} training texts or more, or {cure}"
    length = f"epochs={recipe.epochs:g}" if recipe.steps is None else f"steps={recipe.steps}"
    raise UserError(
        f"recipe: {texts} training texts, {length} and batch_size={recipe.batch_size} make a schedule of {total} "
        f"step{'s' * (total > 1)}, whose learning rate is 0 in every step: nothing would be learned; {cure}"
    )
