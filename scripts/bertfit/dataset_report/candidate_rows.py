"""What was tried: a row for each candidate, with its validation error on one common scale.

Positions on the scale are percent of its width.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from bertfit.core import formatting
from bertfit.dataset_report.answer import UNITS, undecided
from bertfit.dataset_report.dataset_files import DatasetFacts, counts_words
from bertfit.dataset_report.phrases import counted, listed, percent, percent_range, points, points_range, sentence
from bertfit.search.search_record import Choice, Lead, MeasuredRun, Metric

TICKS = 5


@dataclass(frozen=True)
class Scale:
    """An axis of shares from ``low`` to ``high``."""

    low: float
    high: float
    ticks: list[float]

    def at(self, share: float) -> float:
        """Position of a share."""
        return round(100 * (share - self.low) / (self.high - self.low), 2)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Position and text of each tick."""
        return [(self.at(tick), f"{100 * tick:g}") for tick in self.ticks]


@dataclass(frozen=True)
class CandidateRow:
    """A candidate by its longest training; of one that was never trained only ``title`` and ``note``.

    ``positions``: of the ends of the interval and of the error; ``behind``: how far the winner is ahead.
    """

    title: str
    won: bool = False
    error: str = ""
    interval: str = ""
    positions: tuple[float, float, float] | None = None
    score: str = ""
    epochs: str = ""
    seconds: str = ""
    behind: str = ""
    behind_interval: str = ""
    undecided: bool = False
    note: str = ""


@dataclass(frozen=True)
class CandidateTable:
    """The section: rows from the best candidate on, and why the first one won."""

    rows: list[CandidateRow]
    scale: Scale
    metric: Metric
    unit: str
    why: list[str]


def comparison(facts: DatasetFacts, titles: dict[str, str]) -> CandidateTable:
    """All candidates; ``titles`` names those that were never trained."""
    choice = facts.choice
    longest = {run.candidate: run for run in choice.measured} | {choice.winner.candidate: choice.winner}
    leads = {lead.candidate: lead for lead in choice.leads}
    order = [choice.winner.candidate, *leads]
    scale = _scale([longest[name] for name in order])
    rows = [_row(choice, longest[name], leads.get(name), scale) for name in order]
    rows += [
        CandidateRow(titles.get(name, name), note=reason)
        for name, reason in choice.left_out.items()
        if name not in longest
    ]
    return CandidateTable(rows, scale, choice.metric, UNITS[choice.metric], _why(choice))


def _row(choice: Choice, run: MeasuredRun, lead: Lead | None, scale: Scale) -> CandidateRow:
    stopped = run.ended < run.epochs and f"stopped early, of {round(run.epochs, 1):g}"
    if run.diverged_at is not None:
        stopped = f"training diverged at step {run.diverged_at}, so the error is that of always guessing one class"
    return CandidateRow(
        title=run.title,
        won=lead is None,
        error=percent(run.error),
        interval=percent_range(run.low, run.high),
        positions=(scale.at(run.low), scale.at(run.error), scale.at(run.high)),
        score="" if choice.metric == "error" else f"{run.score(choice.metric):.3f}",
        epochs="–" if counts_words(run) else f"{round(run.ended, 1):g}",
        seconds=formatting.duration(choice.spent_on(run.candidate)),
        behind=points(lead.value) if lead else "",
        behind_interval=points_range(lead.low, lead.high) if lead else "",
        undecided=bool(lead and undecided(lead.low)),
        note=choice.left_out.get(run.candidate, "") or stopped or "",
    )


def _scale(runs: list[MeasuredRun]) -> Scale:
    low, high = min(run.low for run in runs), max(run.high for run in runs)
    ticks = [float(tick) for tick in MaxNLocator(TICKS, steps=[1, 2, 5, 10]).tick_values(low, max(high, low + 0.01))]
    return Scale(ticks[0], ticks[-1], ticks)


def _why(choice: Choice) -> list[str]:
    """Why the winner won, in sentences: what else could be the best one."""
    best = {"error": "lowest error", "macro_f1": "highest macro-F1", "micro_f1": "highest micro-F1"}[choice.metric]
    texts = counted(choice.texts, "validation text")
    first = f"{choice.winner.title} had the {best} on the {texts}"
    if not choice.leads:
        return [sentence(f"{first}; nothing else was measured")]
    second = choice.leads[0]
    unit = UNITS[choice.metric]
    interval = points_range(second.low, second.high)
    by = f"{points(second.value)} {unit} ahead of {second.title}, 95 % interval {interval}"
    if second.value == 0:  # the first in the study, where cheaper ones are first
        by = f"equal to {second.title} (95 % interval of the difference {interval}), and is the cheaper one"
    equal = [lead.title for lead in choice.leads if undecided(lead.low)]
    if not equal:
        return [sentence(f"{first}, {by}"), "The differences to all other candidates are larger than chance."]
    if len(equal) == len(choice.leads):
        rest = "the interval includes 0 for every other candidate, so any of them could as well be the best one"
        return [sentence(f"{first}, {by}"), sentence(rest)]
    others = counted(len(equal), "other candidate")
    return [
        sentence(f"{first}, {by}"),
        f"The difference may be chance for {others}, which could as well be the best: {listed(equal)}.",
    ]
