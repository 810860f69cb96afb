"""Canonical names of what the baseline counts, in place of the id of a recipe: ``words+fraction=0.25``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bertfit.core.errors import UserError

COUNTS = r"(?:words|characters)(?:\+class_weights=balanced)?(?:\+fraction=[0-9.e-]+)?"
"""Pattern of the names other than ``default``, of which the model is saved: constraint of a wildcard."""


@dataclass(frozen=True)
class Counting:
    """What is counted, on which share of the training texts, and whether each class has the same share of the loss."""

    analyzer: Literal["default", "words", "characters"] = "default"
    class_weights: Literal["none", "balanced"] = "none"
    fraction: float = 1.0


def format_counts(counts: Counting) -> str:
    """``words``, ``characters+class_weights=balanced+fraction=0.25``: the analyser, then what differs from a default.

    Raises `ValueError` for a ``default`` with other differences, which no rule makes.
    """
    weights = "+class_weights=balanced" if counts.class_weights == "balanced" else ""
    text = f"{counts.analyzer}{weights}{'' if counts.fraction == 1 else f'+fraction={counts.fraction!r}'}"
    if text != "default" and not re.fullmatch(COUNTS, text):
        raise ValueError(f"{text!r} is no name of word counts")
    return text


def parse_counts(text: str) -> Counting:
    """Inverse of `format_counts`. Raises `UserError` for any other text."""
    analyzer, *parts = text.split("+")
    try:
        values = dict(part.split("=") for part in parts)
        share = float(values.get("fraction", 1))
        counts = Counting(analyzer, values.get("class_weights", "none"), share)  # type: ignore[arg-type]
        if format_counts(counts) != text or not 0 < share <= 1:
            raise ValueError
    except ValueError:
        raise UserError(
            f"{text!r} is not what word counts are named: default, or words or characters, with "
            "+class_weights=balanced and +fraction=SHARE (such as 0.25) where they differ"
        ) from None
    return counts
