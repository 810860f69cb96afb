"""The two jobs of the search: plan a round, and choose the winner."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from bertfit.config.study_schema import OwnDataset
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.search import measure, rounds
from bertfit.search.search_record import Choice, Final, MeasuredRun, Metric, SearchSpec, Trained, read_round

_WORD = re.compile(r"\w\w")  # what word counts take for a word


def plan_round(spec: SearchSpec, number: int, *, train: Path, card: Path, before: Path | None, out: Path) -> None:
    """Write round ``number``. ``train`` and ``card`` are files of the corpus with validation data.

    ``before``: the record of the round before, whose runs are finished; None for the first. Raises `UserError` for a
    file that cannot be read.
    """
    runs = _by_candidate(spec.runs)
    if before is None:
        facts = corpus_card.read(card)
        plan = rounds.first(spec.own, runs, metric(spec.own, facts), _left_out(spec.own, facts, train))
    else:
        last = read_round(before)
        plan = rounds.following(spec.own, runs, last, _measured(last.runs, last.number, out.parents[1]))
    files.write_json(out, plan.model_dump(mode="json"))


def choose(spec: SearchSpec, *, last: Path, out: Path) -> None:
    """Write the winner: the best score of all candidates, each by its longest training; the first of equal ones.

    ``last``: the record of the last round, whose runs are finished.
    """
    root, plan = out.parents[1], read_round(last)
    new = _measured(plan.runs, plan.number, root)
    measured = [*plan.measured, *new]
    if not measured:
        raise UserError(f"{last}: no candidate was trained; raise the budget, or see `left_out` in it")
    longest = {run.candidate: run for run in measured}
    order = list(spec.own.candidates)
    ranked = sorted(longest.values(), key=lambda run: (-run.score(plan.metric), order.index(run.candidate)))
    winner, others = ranked[0], ranked[1:]
    ends = {option.epochs: option for option in spec.finals if option.candidate == winner.candidate}
    stopped = winner.ended < winner.epochs - measure.TOLERANCE
    end = min(epochs for epochs in ends if epochs >= (winner.ended if stopped else winner.epochs) - measure.TOLERANCE)
    seconds = plan.seconds + sum(run.seconds + rounds.START for run in new)
    choice = Choice(
        metric=plan.metric,
        winner=winner,
        final=Final.model_validate(ends[end].model_dump(exclude={"candidate", "epochs"})),
        epochs=end,
        leads=[measure.lead(winner, other, plan.metric, root) for other in others],
        measured=measured,
        left_out=plan.left_out,
        texts=len(measure.evaluation(root / winner.folder).labels),
        budget=plan.budget,
        seconds=seconds,
    )
    files.write_json(out, choice.model_dump(mode="json"))


def metric(own: OwnDataset, card: CorpusCard) -> Metric:
    """What candidates are compared by: error, macro-F1 where the largest class is much larger than the smallest, or
    micro-F1 where a text may have several labels.
    """
    if card.label_sets is not None:
        return "micro_f1"
    sizes = [count for count in card.splits["train"].classes.values() if count]
    return "macro_f1" if max(sizes) >= own.uneven * min(sizes) else "error"


def _left_out(own: OwnDataset, card: CorpusCard, train: Path) -> dict[str, str]:
    """Candidate -> why these texts do not need it, or cannot have it."""
    even = metric(own, card) != "macro_f1"
    wordless = not _has_words(train)
    left_out = {}
    for name, candidate in own.candidates.items():
        if candidate.uneven and even:
            left_out[name] = f"no class has {own.uneven:g} times as many texts as another"
        elif candidate.counts == "words" and wordless:
            left_out[name] = "the texts have no words of two letters or more"
    return left_out


def _has_words(train: Path) -> bool:
    """Whether any text has a word."""
    file = pq.ParquetFile(train)
    names = [name for name in file.schema_arrow.names if name != "label"]
    return any(
        _WORD.search(text or "")
        for batch in file.iter_batches(columns=names)
        for column in batch.columns
        for text in column.to_pylist()
        if isinstance(text, str)
    )


def _by_candidate(runs: Sequence[Trained]) -> dict[str, dict[float, Trained]]:
    found: dict[str, dict[float, Trained]] = {}
    for run in runs:
        found.setdefault(run.candidate, {})[run.epochs] = run
    return found


def _measured(runs: Sequence[Trained], number: int, root: Path) -> list[MeasuredRun]:
    return [measure.run(run, number, root) for run in runs]
