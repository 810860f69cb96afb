"""What a recipe means: the layers that it names, the steps that it takes. Nothing else works them out."""

from __future__ import annotations

import math
import re


def layer_name(layers: str) -> tuple[str, int | None]:
    """Word (``last``, ``all``, ``first`` or none) and number (or none) of ``last``, ``all``, ``first4``, ``7``."""
    word, digits = re.fullmatch(r"(last|all|first|)(\d*)", layers).groups()  # type: ignore[union-attr]
    return word, int(digits) if digits else None


def layer_numbers(layers: str, depth: int) -> list[int]:
    """The layers that a recipe names (``last``, ``all``, ``first4``, ``last4``, ``7``), ascending from 0, the lowest.

    Of an encoder of ``depth`` layers that has them: see `packed_bert.check`.
    """
    word, number = layer_name(layers)
    count = (depth if word == "all" else 1) if number is None else number
    if not word:
        return [count]
    return list(range(count)) if word == "first" else list(range(depth - count, depth))


def computed_layers(layers: str, depth: int) -> int:
    """How many layers of an encoder of ``depth`` layers are computed: up to the highest that the recipe names."""
    return layer_numbers(layers, depth)[-1] + 1


def training_steps(epochs: float, steps_per_epoch: int, steps: int | None, minimum: int) -> int:
    """Updates of a run: ``steps`` if given, else ``epochs``, whose fraction counts in batches, rounded up."""
    whole, part = divmod(epochs, 1)
    return max(steps or int(whole) * steps_per_epoch + math.ceil(part * steps_per_epoch), minimum)


def schedule_steps(examples: int, batch_size: int, epochs: float, steps: int | None, minimum: int) -> int:
    """``t_total`` of the learning-rate schedule.

    As in the official code, the partial last batch of an epoch is trained on while the length of the schedule is
    ``int(examples / batch * epochs)`` (run_classifier_single_layer.py:827): IMDb takes 4168 steps, scheduled for 4166.
    """
    return max(1, steps or int(examples / batch_size * epochs), minimum)
