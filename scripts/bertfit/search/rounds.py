"""Which candidates a round of the search trains: successive halving (Jamieson and Talwalkar 2016) within a budget.

Every candidate is trained in the first round, for few epochs; the best ones in each later round, for more. Word counts
take seconds: they are trained once, in the first round. Times are those measured in earlier rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertfit.config.study_schema import OwnDataset
from bertfit.own_dataset.search_budget import SETUP, START
from bertfit.search.search_record import MeasuredRun, Metric, Round, Trained

RESERVE = 1.3
"""training the winner again on all training texts takes so many times as long as its last round, and evaluating it"""


def first(
    own: OwnDataset, runs: Mapping[str, Mapping[float, Trained]], metric: Metric, left_out: Mapping[str, str]
) -> Round:
    """The first round: every candidate that is not ``left_out``, as many as fit the budget, of the fewest epochs.

    ``runs``: candidate -> epochs -> run. ``own.keep`` counts those with an encoder that every dataset has: where it has
    a place for all of these, candidates for uneven classes come in addition.
    """
    reasons, trained, encoders = dict(left_out), [], 0
    usual = sum(not each.counts and not each.uneven for each in own.candidates.values())
    places = own.keep[0] if own.keep and own.keep[0] < usual else len(own.candidates)
    for name, by_epochs in runs.items():
        if name in left_out:
            continue
        encoders += not own.candidates[name].counts
        if encoders > places and not own.candidates[name].counts:
            reasons[name] = "no time for it within the budget"
        else:
            trained.append(by_epochs[min(by_epochs)])
    return Round(
        number=1,
        metric=metric,
        runs=trained,
        left_out=reasons,
        measured=[],
        budget=own.budget,
        seconds=SETUP,
    )


def following(
    own: OwnDataset, runs: Mapping[str, Mapping[float, Trained]], before: Round, measured: Sequence[MeasuredRun]
) -> Round:
    """The round after ``before``, whose runs were ``measured``: the best encoders that the budget has time for.

    No run is added if the best one alone would not fit: the search then ends with what is measured.
    """
    number = before.number + 1
    epochs = own.rounds[number - 1]
    everything = [*before.measured, *measured]
    seconds = spent(before, measured)
    ranked = sorted(
        (run for run in measured if not own.candidates[run.candidate].counts),
        key=lambda run: (run.diverged_at is not None, -run.score(before.metric)),
    )
    left_out = dict(before.left_out)
    chosen: list[Trained] = []
    rest = before.budget - seconds
    kept = own.keep[number - 1] if own.keep else max(1, len(ranked) // 2)
    for place, run in enumerate(ranked):
        cost = START + run.seconds * epochs / run.epochs
        reserve = START + RESERVE * max(cost, *(run.seconds * epochs / run.epochs for run in ranked[:1]))
        if run.diverged_at is not None:
            left_out[run.candidate] = f"its training diverged at step {run.diverged_at}"
        elif place >= kept:
            left_out[run.candidate] = f"not among the best {kept} after {_epochs(run.ended)}"
        elif run.ended < run.epochs:
            left_out[run.candidate] = f"stopped after {_epochs(run.ended)} without getting better"
        elif cost + reserve > rest:
            left_out[run.candidate] = f"no time left for {_epochs(epochs)}"
        else:
            chosen.append(runs[run.candidate][epochs])
            rest -= cost
    return Round(
        number=number,
        metric=before.metric,
        runs=chosen,
        left_out=left_out,
        measured=everything,
        budget=before.budget,
        seconds=seconds,
    )


def _epochs(number: float) -> str:
    shown = f"{number:.2g}"
    return f"{shown} epoch{'' if shown == '1' else 's'}"


def spent(plan: Round, measured: Sequence[MeasuredRun]) -> float:
    """Seconds of the search up to the end of a round, whose runs were ``measured``."""
    seconds = plan.seconds + sum(run.seconds + START for run in measured)
    if plan.number == 1:  # later rounds use the same pre-trained encoders
        seconds += sum(run.pretraining_seconds for run in measured)
    return seconds
