"""The two jobs of the search: plan a round, and choose the winner."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq

from bertfit.config.recipe_semantics import training_examples
from bertfit.config.study_schema import OwnDataset
from bertfit.core import files, installed_packages
from bertfit.core.errors import UserError
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.search import measure, rounds
from bertfit.search.search_record import Choice, Final, MeasuredRun, Metric, SearchSpec, Trained, read_round
from bertfit.statistics import cluster_values
from bertfit.statistics.cluster_values import Clusters

PACKAGES = ("cleanlab", "onnx", "onnxruntime", "onnxscript")
"""that are needed after the search: for wrong labels and for the export"""
_WORD = re.compile(r"\w\w")  # what word counts take for a word


def plan_round(spec: SearchSpec, number: int, *, train: Path, card: Path, before: Path | None, out: Path) -> None:
    """Write round ``number``. ``train`` and ``card`` are files of the corpus with validation data.

    ``before``: the record of the round before, whose runs are finished; None for the first. Raises `UserError` for a
    file that cannot be read, and where `PACKAGES` are not installed, before anything is trained.
    """
    installed_packages.require(PACKAGES, "pip install -r requirements-classify.txt, as make classify does")
    runs = _by_candidate(spec.runs)
    if before is None:
        facts = corpus_card.read(card)
        plan = rounds.first(spec.own, runs, metric(spec.own, facts), _left_out(spec.own, facts, train))
    else:
        last = read_round(before)
        plan = rounds.following(spec.own, runs, last, _measured(last.runs, last.number, out.parents[1]))
    files.write_json(out, plan.model_dump(mode="json"))


def choose(spec: SearchSpec, *, last: Path, card: Path, clusters: Path, out: Path) -> None:
    """Write the winner: the best score of all candidates, each by its longest training; the first of equal ones.

    A candidate whose training diverged wins only if all did: trained again it would diverge, and give no model.
    ``last``: the record of the last round, whose runs are finished; ``card`` and ``clusters``: of the corpus with
    validation data.
    """
    root, plan = out.parents[1], read_round(last)
    new = _measured(plan.runs, plan.number, root)
    measured = [*plan.measured, *new]
    if not measured:
        raise UserError(f"{last}: no candidate was trained; raise the budget, or see `left_out` in it")
    longest = {run.candidate: run for run in measured}
    order = list(spec.own.candidates)
    ranked = sorted(
        longest.values(),
        key=lambda run: (run.diverged_at is not None, -run.score(plan.metric), order.index(run.candidate)),
    )
    winner, others = ranked[0], ranked[1:]
    ends = {option.epochs: option for option in spec.finals if option.candidate == winner.candidate}
    stopped = winner.ended < winner.epochs - measure.TOLERANCE
    end = min(epochs for epochs in ends if epochs >= (winner.ended if stopped else winner.epochs) - measure.TOLERANCE)
    together = _clusters(clusters)
    final = ends[end].model_copy(update={"curve": _curve(spec.shares, ends[end].curve, corpus_card.read(card))})
    choice = Choice(
        metric=plan.metric,
        winner=winner,
        final=Final.model_validate(final.model_dump(exclude={"candidate", "epochs"})),
        epochs=end,
        leads=[measure.lead(winner, other, plan.metric, root, together) for other in others],
        measured=measured,
        left_out=plan.left_out,
        titles={name: candidate.title for name, candidate in spec.own.candidates.items()},
        texts=len(measure.evaluation(root / winner.folder).labels),
        budget=plan.budget,
        seconds=rounds.spent(plan, new),
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


def _clusters(path: Path) -> Clusters | None:
    """Texts that count as one; None where all do, so that the texts are the best that there is."""
    with suppress(UserError):
        return cluster_values.read([path]).get(path.parent.name)
    return None


def _curve(shares: Sequence[float], folders: Sequence[str], card: CorpusCard) -> list[str]:
    """The folders of those shares of the training part, ascending, that hold a text of each class."""
    part = card.splits["train"]
    classes = sum(count > 0 for count in part.classes.values())
    pairs = zip(shares, folders, strict=True)
    return [folder for share, folder in pairs if training_examples(part.rows, share, None) >= classes]


def _left_out(own: OwnDataset, card: CorpusCard, train: Path) -> dict[str, str]:
    """Candidate -> why these texts do not need it, or cannot have it."""
    compared = metric(own, card)
    wordless = not _has_words(train, card.fields)
    left_out = {}
    for name, candidate in own.candidates.items():
        if candidate.uneven and compared == "micro_f1":
            left_out[name] = "it is for texts with one label each"
        elif candidate.uneven and compared == "error":
            left_out[name] = f"no class has {own.uneven:g} times as many texts as another"
        elif candidate.counts == "words" and wordless:
            left_out[name] = "the texts have no words of two letters or more"
    return left_out


def _has_words(train: Path, fields: Sequence[str]) -> bool:
    """Whether any text has a word; ``fields`` are the columns of the texts, beside which there may be groups."""
    return any(
        _WORD.search(text)
        for batch in pq.ParquetFile(train).iter_batches(columns=list(fields))
        for column in batch.columns
        for text in column.to_pylist()
    )


def _by_candidate(runs: Sequence[Trained]) -> dict[str, dict[float, Trained]]:
    found: dict[str, dict[float, Trained]] = {}
    for run in runs:
        found.setdefault(run.candidate, {})[run.epochs] = run
    return found


def _measured(runs: Sequence[Trained], number: int, root: Path) -> list[MeasuredRun]:
    return [measure.run(run, number, root) for run in runs]
