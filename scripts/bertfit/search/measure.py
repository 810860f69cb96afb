"""Finished runs of candidates, measured on the validation data, and their leads on each other.

Shapes: N validation texts, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core import label_sets
from bertfit.core.label_sets import LabelSets
from bertfit.evaluation import predictions
from bertfit.evaluation.predictions import Evaluation
from bertfit.experiments import job_record
from bertfit.experiments.job_record import JobRecord
from bertfit.search.search_record import Lead, MeasuredRun, Metric, Trained
from bertfit.statistics import label_metrics, metrics, paired_tests

RESAMPLES = 2000
TOLERANCE = 1e-6
"""epochs: a run that reached those of its recipe was not stopped early"""
Floats = NDArray[np.float64]


def evaluation(folder: Path) -> Evaluation:
    """What a run is measured by: its last evaluation, or its best one if it was stopped early.

    Raises `UserError` for a run that is incomplete.
    """
    path, history = folder / "predictions.parquet", folder / "history.csv"
    selected = dict(predictions.selected_evaluations(path, history))
    first = selected[min(selected)]
    recipe = job_record.read(folder / "run.json", JobRecord).spec.get("recipe") or {}
    stopped = bool(recipe.get("patience")) and first["last"].epoch < recipe["epochs"] - TOLERANCE
    return first["best" if stopped else "last"]


def run(trained: Trained, number: int, root: Path) -> MeasuredRun:
    """Measure a finished run of round ``number``; ``root`` is the folder of the results."""
    folder = root / trained.folder
    found, sets = evaluation(folder), label_sets_of(folder)
    wrong = errors(found, sets)
    low, high = metrics.wilson(float(wrong.sum()), len(wrong))
    everything = np.arange(len(wrong))
    return MeasuredRun(
        **trained.model_dump(),
        round=number,
        error=float(wrong.mean()),
        low=low,
        high=high,
        macro_f1=_score("macro_f1", found, sets)(everything),
        micro_f1=_score("micro_f1", found, sets)(everything),
        seconds=_seconds(folder),
        pretraining_seconds=_seconds(root / "encoders" / trained.encoder) if "~" in trained.encoder else 0.0,
        ended=found.epoch,
    )


def label_sets_of(folder: Path) -> LabelSets | None:
    """The sets of labels of a run; None with one label a text."""
    return label_sets.read(pq.read_schema(folder / "predictions.parquet").metadata)


def errors(found: Evaluation, sets: LabelSets | None) -> NDArray[np.bool_]:
    """(N,) which texts are wrong; of several labels a text those whose set, at the threshold 0.5, is another."""
    if sets is None:
        return found.predicted != found.labels
    return label_sets.wrong(found.logits, label_sets.members(sets, found.logits.shape[1])[found.labels])


def lead(winner: MeasuredRun, other: MeasuredRun, metric: Metric, root: Path) -> Lead:
    """By how much ``winner`` is ahead of ``other``, with a 95 % interval, on the same validation texts."""
    folders = [root / each.folder for each in (winner, other)]
    ours, theirs = (evaluation(folder) for folder in folders)
    value, low, high = difference(ours, theirs, metric, label_sets_of(folders[0]))
    return Lead(candidate=other.candidate, title=other.title, value=value, low=low, high=high)


def difference(
    ours: Evaluation, theirs: Evaluation, metric: Metric, sets: LabelSets | None = None
) -> tuple[float, float, float]:
    """Difference of scores on the same texts with its interval.

    Of errors that of `paired_tests.difference`; of F1 the percentiles of `RESAMPLES` paired resamples of the texts.
    """
    if metric == "error":
        values = errors(theirs, sets).astype(float) - errors(ours, sets)
        if len(values) < 2:
            return float(values.mean()), -1.0, 1.0
        found = paired_tests.difference(values[None])
        return found.value, *found.interval()
    size = len(ours.labels)
    random = np.random.default_rng(size)
    drawn = np.vstack([np.arange(size), random.integers(0, size, (RESAMPLES, size))])
    scores = [_score(metric, each, sets) for each in (ours, theirs)]
    value, *resampled = [scores[0](rows) - scores[1](rows) for rows in drawn]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return value, float(low), float(high)


def _score(metric: Metric, found: Evaluation, sets: LabelSets | None) -> Callable[[NDArray], float]:
    """Macro-F1 or micro-F1 (``metric``) of some rows of an evaluation; one label a text is a set of one."""
    classes = found.logits.shape[1]
    if sets is None:
        given, expected = (np.eye(classes, dtype=bool)[each] for each in (found.predicted, found.labels))
    else:
        given, expected = label_sets.predicted(found.logits), label_sets.members(sets, classes)[found.labels]

    def score(rows: NDArray) -> float:
        return float(getattr(label_metrics.measure(given[rows], expected[rows]), metric))

    return score


def _seconds(folder: Path) -> float:
    """Seconds of a training, from its record."""
    return job_record.read(folder / "run.json", JobRecord).cost.seconds or 0.0
