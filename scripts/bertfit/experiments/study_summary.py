"""``summary.json``: what a run on your own dataset says when it ends."""

from __future__ import annotations

from bertfit.config.corpus_schema import Spec


class StudySummary(Spec):
    """``summary.json`` of your own dataset: the lines that a run ends with. Paths are as the user opens them.

    ``winner``: the classifier that was chosen; ``error``: its error on the test split with its interval, as
    ``11.3 % (8.4 to 14.8)``; ``compared``: the second best on validation data and the difference, a phrase.
    """

    winner: str
    error: str
    compared: str
    report: str
    model: str
    mistakes: str
    warnings: list[str] = []
