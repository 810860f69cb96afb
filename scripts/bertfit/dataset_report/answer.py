"""The answer that the report begins with: what classifies the texts best, and how often it is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from bertfit.dataset_report.dataset_files import DatasetFacts
from bertfit.dataset_report.phrases import (
    counted,
    frequency,
    frequency_range,
    percent,
    percent_range,
    points,
    points_range,
    sentence,
)
from bertfit.search.search_record import Metric

CELLS = 100
"""of a picture that shows a share as so many squares"""
UNITS: dict[Metric, str] = {
    "error": "points of error",
    "macro_f1": "points of macro-F1",
    "micro_f1": "points of micro-F1",
}


@dataclass(frozen=True)
class ErrorShown:
    """An error: as a percentage, as a natural frequency, and as ``wrong`` of `CELLS` squares."""

    share: str
    frequency: str
    wrong: int
    caption: str
    range: str = ""
    """its interval, in both forms"""


@dataclass(frozen=True)
class FirstAnswer:
    """``headline``: what was chosen; ``lead``: why, in a sentence or two; ``others``: further measures."""

    headline: str
    lead: str
    error: ErrorShown
    constant: ErrorShown
    others: list[tuple[str, str]]


def answer(facts: DatasetFacts) -> FirstAnswer:
    """The first section."""
    outcome = facts.outcome
    one = "text whose labels are not all right" if outcome.several_labels else "wrong answer"
    texts = counted(outcome.texts, "test text")
    error = ErrorShown(
        percent(outcome.error.value),
        f"{frequency(outcome.error.value, outcome.texts)} test texts",
        _cells(outcome.error.value),
        f"Each square is one of {CELLS} texts; a filled one is a {one}.",
        f"{percent_range(outcome.error.low, outcome.error.high)}, "
        f"{frequency_range(outcome.error.low, outcome.error.high, outcome.texts)}",
    )
    constant = ErrorShown(
        percent(outcome.constant.error),
        f"{frequency(outcome.constant.error, outcome.texts)} test texts",
        _cells(outcome.constant.error),
        outcome.constant.name,
    )
    macro = outcome.macro_f1
    others = [("macro-F1", f"{macro.value:.3f} ({macro.low:.3f} to {macro.high:.3f})")]
    if outcome.several_labels:
        others.append(("micro-F1", f"{outcome.micro_f1:.3f}"))
    if outcome.mcc:
        others.append(
            ("Matthews correlation", f"{outcome.mcc.value:.3f} ({outcome.mcc.low:.3f} to {outcome.mcc.high:.3f})")
        )
    others.append(("measured on", texts if outcome.seeds == 1 else f"{texts}, mean of {outcome.seeds} seeds"))
    headline, lead = _winner(facts)
    return FirstAnswer(headline, lead, error, constant, others)


def useless(facts: DatasetFacts) -> bool:
    """Whether the error may be as high as that of always answering the most frequent class."""
    return facts.outcome.error.high >= facts.outcome.constant.error


def undecided(low: float) -> bool:
    """Whether a lead may be none: its interval includes 0."""
    return low <= 0


def _winner(facts: DatasetFacts) -> tuple[str, str]:
    """What was chosen, and how it compares to the best one of the other kind."""
    title, unit = facts.choice.winner.title, UNITS[facts.choice.metric]
    if facts.counted_words:
        rival = facts.runner_up(counts=False)
        if rival is None:
            lead = (
                "No neural network was trained within the budget, so nothing is known of how much better it would be."
            )
            return f"Best for your texts: {title}", f"This is no neural network. {lead}"
        by = f"{points(rival.value)} {unit}, 95 % interval {points_range(rival.low, rival.high)}"
        if undecided(rival.low):
            best = (
                f"The best neural network, {rival.title}, is not clearly better or worse on the validation data ({by})"
            )
        else:
            best = f"The best neural network, {rival.title}, is behind on the validation data ({by})"
        return (
            f"You need no neural network: {title} classify your texts {_as_well(rival.low)}",
            f"{best}. What was chosen answers in an instant on any computer.",
        )
    headline = f"Best for your texts: {title}"
    rival = facts.runner_up(counts=True)
    if rival is None:
        return headline, "A neural network; nothing without one was measured."
    by = f"{points(rival.value)} {unit}, 95 % interval {points_range(rival.low, rival.high)}"
    if undecided(rival.low):
        text = (
            f"its lead over {rival.title}, which need no neural network, may be none ({by} on the validation data). "
            f"Where speed or size matters, {rival.title} could as well be your choice"
        )
    else:
        text = f"a neural network is worth it here: it is ahead of {rival.title} by {by}, on the validation data"
    return headline, sentence(text)


def _as_well(low: float) -> str:
    return "as well" if undecided(low) else "better"


def _cells(share: float) -> int:
    """Squares of `CELLS`; at least one for an error above 0, and not all for one below 1."""
    if share <= 0:
        return 0
    return CELLS if share >= 1 else min(CELLS - 1, max(1, round(CELLS * share)))
