"""What the keys of a recipe mean: layers, examples, steps and evaluations. All other modules call these functions."""

from __future__ import annotations

import math

LAYERS = r"^(last|all|first[1-9]\d*|last[1-9]\d*|0|[1-9]\d*)$"
"""names of layers"""


def layer_name(layers: str) -> tuple[str, int | None]:
    """Split ``last``, ``all``, ``first4`` or ``7`` into its word ("" if none) and its number (None if none)."""
    word = layers.rstrip("0123456789")
    digits = layers[len(word) :]
    return word, int(digits) if digits else None


def is_single_layer(layers: str) -> bool:
    """Whether a recipe names one layer of an encoder of any depth."""
    return layers == "last" or layers.isdigit()


def layer_numbers(layers: str, depth: int) -> list[int]:
    """Ascending numbers (0 is the lowest) of the layers that ``last``, ``all``, ``first4``, ``last4`` or ``7`` name.

    An encoder of ``depth`` layers must have them: `hyperparameters.fitted` checks that.
    """
    word, number = layer_name(layers)
    count = (depth if word == "all" else 1) if number is None else number
    if not word:
        return [count]
    return list(range(count)) if word == "first" else list(range(depth - count, depth))


def computed_layers(layers: str, depth: int) -> int:
    """Number of layers of an encoder of ``depth`` layers that are computed: up to the highest one that is read."""
    return layer_numbers(layers, depth)[-1] + 1


def is_hierarchical(truncation: str) -> bool:
    """Whether a text is read whole, in fractions whose vectors are pooled (``hier-mean``, ``hier-max``, ...)."""
    return truncation.startswith("hier-")


def most_fractions(truncation: str, fractions: int) -> int:
    """The most sequences of which a text consists, of a recipe with these two keys."""
    return fractions if is_hierarchical(truncation) else 1


def training_examples(rows: int, fraction: float, examples: int | None) -> int:
    """Number of training examples that a recipe asks for; more than ``rows`` if ``examples`` is."""
    return round(fraction * rows) if examples is None else examples


def validation_examples(used: int, share: float) -> int:
    """Number of the ``used`` training examples that are held out for validation."""
    return round(share * used)


def evaluations(steps: int, steps_per_epoch: int, every: int | None) -> int:
    """Number of evaluations of a run: every ``every`` steps (default: every epoch), and after the last step."""
    return math.ceil(steps / (every or steps_per_epoch))


def training_steps(epochs: float, steps_per_epoch: int, steps: int | None, minimum: int) -> int:
    """Optimiser steps of a run, at least ``minimum``: ``steps`` if given, else ``epochs``, rounded up to a batch."""
    whole, part = divmod(epochs, 1)
    return max(steps or int(whole) * steps_per_epoch + math.ceil(part * steps_per_epoch), minimum)


def schedule_steps(examples: int, batch_size: int, epochs: float, steps: int | None, minimum: int) -> int:
    """``t_total`` of the learning-rate schedule.

    As in the official code, the partial last batch of an epoch is trained on while the length of the schedule is
    ``int(examples / batch * epochs)`` (run_classifier_single_layer.py:827): IMDb takes 4168 steps, scheduled for 4166.
    """
    return max(1, steps or int(examples / batch_size * epochs), minimum)
